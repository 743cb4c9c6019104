#include "init/services/login.h"

#include <crypt.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/io.h"

enum {
	SHADOW_MAX = 64 << 10,
	SHADOW_GROUP = 42, /* images/rootfs/files/etc/group */
	/*
	 * yescrypt's least cost: the hash never leaves this boot's memory, and the word that it
	 * was made of stands in the configuration.
	 */
	HASH_COST = 1,
};

#define USER "proa"

const struct login_paths login_of_this_machine = {
	.template = "/usr/lib/proa/login/shadow",
	.folder = "/run/proa/login",
	.issue = "/run/issue.d/proa.issue",
};

struct login {
	struct config *config;
	const struct login_paths *paths;
	bool autologin;
	char hash[CRYPT_OUTPUT_SIZE]; /* "*": no password opens */
};

/* Replaces a file of the folder. Returns 0 or a negative errno, and says so. */
static int put(struct login *login, const char *name, mode_t mode, const char *text)
{
	static const struct config_place nowhere = {.source = "log-ins"};
	_cleanup_free_ char *path = NULL;
	struct error err = ERROR_INIT;
	int r;

	if (asprintf(&path, "%s/%s", login->paths->folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = io_replace_file(path, text, strlen(text), mode, &err);
	return r < 0 ? config_problem(&login->config->problems, CONFIG_ERROR, &nowhere, NULL, "%s",
				      err.message)
		     : 0;
}

static bool is_hash(const char *text)
{
	/* A word may begin with "$", too; what looks like a hash must be one. */
	return text[0] == '$' && strchr(text + 1, '$');
}

static int complain(struct login *login, const char *what)
{
	const struct config_node *node = config_get(login->config, "proa.password");

	login->hash[0] = '*';
	login->hash[1] = '\0';
	return config_problem(&login->config->problems, CONFIG_ERROR, &node->at, "proa.password",
			      "%s; it opens nothing", what);
}

static int set_password(struct login *login)
{
	const char *password = config_get_text(login->config, "proa.password");
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data;

	snprintf(login->hash, sizeof(login->hash), "*");
	if (!password)
		return 0;
	if (is_hash(password)) {
		int check =
			strpbrk(password, ":\n") ? CRYPT_SALT_INVALID : crypt_checksalt(password);

		if (check == CRYPT_SALT_INVALID || check == CRYPT_SALT_METHOD_DISABLED ||
		    strlen(password) >= sizeof(login->hash))
			return complain(login,
					"is no hash that this system knows (openssl passwd -6)");
		strcpy(login->hash, password);
		return 0;
	}
	data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	if (crypt_gensalt_rn("$y$", HASH_COST, NULL, 0, salt, sizeof(salt)) &&
	    crypt_rn(password, salt, data, sizeof(*data)))
		snprintf(login->hash, sizeof(login->hash), "%s", data->output);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return login->hash[0] == '*' ? complain(login, "cannot be hashed") : 0;
}

/* The image's file, with the user's hash in place of the image's. */
static int write_shadow(struct login *login)
{
	_cleanup_free_ char *template = NULL, *out = NULL;
	char *line;
	size_t size;
	int r = io_read_file(login->paths->template, SHADOW_MAX, &template, &size, NULL);

	if (r < 0) /* all that is needed is the one line */
		template = strdup(USER ":*:::::::\n");
	line = template ? strstr(template, USER ":") : NULL;
	if (!line || asprintf(&out, "%.*s" USER ":%s%s", (int)(line - template), template,
			      login->hash, strchrnul(line + strlen(USER ":"), ':')) < 0) {
		out = NULL;
		return -ENOMEM;
	}
	r = put(login, "shadow", 0640, out);
	if (r == 0) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/shadow", login->paths->folder) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		/* As a test, without root, it cannot be given away, nor need it be. */
		(void)!chown(path, 0, SHADOW_GROUP);
	}
	explicit_bzero(out, strlen(out));
	return r;
}

/* Whoever administers the machine proves who he is, where he can. */
static int write_sudoers(struct login *login)
{
	return put(login, "sudoers", 0440,
		   login->hash[0] == '*' ? USER " ALL=(ALL:ALL) NOPASSWD: ALL\n"
					 : USER " ALL=(ALL:ALL) ALL\n");
}

static int write_keys(struct login *login)
{
	const struct config_node *keys = config_get(login->config, "ssh_authorized_keys");
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return -ENOMEM;
	for (size_t i = 0; keys && i < keys->count; i++)
		fprintf(stream, "%s\n", keys->children[i].text);
	return fclose(stream) == 0 && text ? put(login, "authorized_keys", 0644, text) : -ENOMEM;
}

/* Set in front of the image's sshd_config: what stands first counts. */
static int write_sshd(struct login *login)
{
	const char *address = config_get_text(login->config, "proa.ssh.listen_address");
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "Port %lld\n%s%s%sPasswordAuthentication %s\n",
		     config_get_integer(login->config, "proa.ssh.port"),
		     address ? "ListenAddress " : "", address ? address : "", address ? "\n" : "",
		     config_get_bool(login->config, "proa.ssh.password_login") ? "yes" : "no") <
	    0) {
		text = NULL;
		return -ENOMEM;
	}
	return put(login, "sshd.conf", 0600, text);
}

/* What the service `console` asks for. */
static int write_console(struct login *login)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "autologin=%d\nsshd=%d\n", login->autologin,
		     config_get_bool(login->config, "proa.ssh.daemon")) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return put(login, "console", 0644, text);
}

/* Nobody should try one password after the other where none is right. */
static int write_issue(const struct login *login)
{
	static const char closed[] =
		"No password is set, so nobody can log in here. Log in by SSH with a key, or hold\n"
		"Shift when the machine starts and add cc.proa.autologin=true to the kernel's "
		"arguments.\n\n";
	const char *text = login->autologin || login->hash[0] != '*' ? "" : closed;
	_cleanup_free_ char *folder = strdup(login->paths->issue);

	if (!folder)
		return -ENOMEM;
	*strrchr(folder, '/') = '\0';
	/* No more than a hint: without it the machine is as good. */
	if (io_make_dirs(folder, NULL) == 0)
		(void)io_replace_file(login->paths->issue, text, strlen(text), 0644, NULL);
	return 0;
}

int login_apply(struct config *config, bool rescue, const struct login_paths *paths)
{
	static int (*const writers[])(struct login *) = {write_shadow, write_sudoers, write_keys,
							 write_sshd, write_console};
	struct login login = {.config = config, .paths = paths};
	int r;

	login.autologin = rescue || config_get_bool(config, "proa.autologin");
	r = set_password(&login);
	if (io_make_dirs(paths->folder, NULL) < 0)
		return config_problem(&config->problems, CONFIG_ERROR,
				      &(struct config_place){.source = paths->folder}, NULL,
				      "cannot be made: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]) && r == 0; i++)
		r = writers[i](&login);
	if (r == 0)
		r = write_issue(&login);
	explicit_bzero(&login, sizeof(login));
	return r;
}
