#include "init/services/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/services/run.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/io.h"

enum { MODULE_WORDS_MAX = 32 };

const struct settings_paths settings_of_this_machine = {
	.sysctl = "/proc/sys",
	.hostname = "/run/proa/hostname",
	.hostname_kept = "/var/lib/proa/hostname",
	.modprobe = "/usr/sbin/modprobe",
	.set_hostname = sethostname,
};

#define complain(config, node, path, ...)                                                          \
	config_problem(&(config)->problems, CONFIG_ERROR, &(node)->at, path, __VA_ARGS__)

static int write_name(const char *path, const char *name, struct error *err)
{
	_cleanup_free_ char *line = NULL;
	int size = asprintf(&line, "%s\n", name);

	if (size < 0) {
		line = NULL;
		return error_oom(err);
	}
	return io_replace_file(path, line, (size_t)size, 0644, err);
}

/* PID 1 has set the name that was kept; this boot's is written where /etc/hostname leads. */
static int apply_hostname(struct config *config, const struct settings_paths *paths)
{
	const struct config_node *node = config_get(config, "hostname");
	_cleanup_free_ char *kept = NULL;
	struct error err = ERROR_INIT;
	size_t size;

	if (!node)
		return 0;
	if (io_read_file(paths->hostname_kept, 256, &kept, &size, NULL) == 0) {
		kept[strcspn(kept, "\n")] = '\0';
		if (strcmp(kept, node->text) == 0)
			return 0;
	}
	if (paths->set_hostname(node->text, strlen(node->text)) < 0)
		return complain(config, node, "hostname", "cannot be set: %s", strerror(errno));
	if (write_name(paths->hostname, node->text, &err) < 0 ||
	    write_name(paths->hostname_kept, node->text, &err) < 0)
		return complain(config, node, "hostname", "%s", err.message);
	return 0;
}

/*
 * net.ipv4.ip_forward is the file net/ipv4/ip_forward. As sysctl(8) has it: where a / comes
 * before the first dot, dots are part of a name (net/ipv4/conf/eth0.10/forwarding).
 */
static char *sysctl_file(const char *folder, const char *name)
{
	char *path;
	size_t first = strcspn(name, "./");
	char *rest;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	rest = path + strlen(folder) + 1;
	if (name[first] == '.')
		for (char *c = rest; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

static bool leaves_folder(const char *path)
{
	return strstr(path, "/../") || strstr(path, "//") || path[0] == '/';
}

static int apply_sysctl(struct config *config, const struct settings_paths *paths,
			const struct config_node *node)
{
	_cleanup_free_ char *path = sysctl_file(paths->sysctl, node->key);
	_cleanup_free_ char *name = NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	if (!path || asprintf(&name, "proa.sysctl.%s", node->key) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (leaves_folder(path + strlen(paths->sysctl) + 1))
		return complain(config, node, name, "is no setting of the kernel");
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return complain(config, node, name, "the kernel has no such setting (%s)", path);
	r = fd < 0 ? -errno : io_write_full(fd, node->text, strlen(node->text));
	return r < 0 ? complain(config, node, name, "\"%s\" is not taken: %s", node->text,
				strerror(-r))
		     : 0;
}

/* "bonding mode=1": the name and its parameters, as modprobe takes them. */
static int apply_module(struct config *config, const struct settings_paths *paths,
			const struct config_node *node)
{
	_cleanup_free_ char *words = strdup(node->text);
	char *argv[MODULE_WORDS_MAX + 1] = {(char *)paths->modprobe, "--"};
	char *rest = words, *word;
	size_t count = 2;
	char said[256];
	int status;

	if (!words)
		return -ENOMEM;
	while ((word = strsep(&rest, " \t")) && count < MODULE_WORDS_MAX)
		if (*word)
			argv[count++] = word;
	status = run_program(argv, RUN_PROGRAM_MS, said, sizeof(said));
	if (status == 0)
		return 0;
	return complain(config, node, "proa.modules", "%s cannot be loaded: %s", argv[2],
			status < 0 ? strerror(-status)
			: said[0]  ? said
				   : "modprobe failed");
}

int settings_apply(struct config *config, const struct settings_paths *paths)
{
	const struct config_node *modules = config_get(config, "proa.modules");
	const struct config_node *sysctl = config_get(config, "proa.sysctl");
	int r = apply_hostname(config, paths);

	/* Modules bring settings of their own. */
	for (size_t i = 0; modules && i < modules->count && r == 0; i++)
		r = apply_module(config, paths, &modules->children[i]);
	for (size_t i = 0; sysctl && i < sysctl->count && r == 0; i++)
		r = apply_sysctl(config, paths, &sysctl->children[i]);
	return r;
}

void settings_summary(const struct config_problems *problems, char *out, size_t size)
{
	const struct config_problem *first = NULL;
	size_t used;

	out[0] = '\0';
	for (size_t i = 0; i < problems->count && !first; i++)
		if (problems->items[i].severity == CONFIG_ERROR)
			first = &problems->items[i];
	if (!first)
		return;
	snprintf(out, size, "configuration: %s", first->at.source);
	if (first->at.line) {
		used = strlen(out);
		snprintf(out + used, size - used, ", line %u", first->at.line);
	}
	used = strlen(out);
	snprintf(out + used, size - used, ": %s%s%s", first->key ? first->key : "",
		 first->key ? ": " : "", first->text);
	if (problems->errors > 1) {
		used = strlen(out);
		snprintf(out + used, size - used, " (and %zu more: sudo proa config export)",
			 problems->errors - 1);
	}
}
