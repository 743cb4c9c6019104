#include "init/services/ntp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/fields.h"
#include "lib/io.h"

enum { NTP_FILE_MAX = 64 << 10 };

/* Debian's, since the programs are. */
#define POOL "pool 2.debian.pool.ntp.org iburst\n"

/* Which the network names are in a file of their own, that ends in ".sources" (ntp_learn). */
#define LEARNED "sourcedir /run/proa/ntp\n"

static const char rest[] = "driftfile /var/lib/chrony/drift\n"
			   /* A wrong clock is set at once while it is young, and never jumps later
			      (chrony.conf(5)). */
			   "makestep 1 3\n"
			   "rtcsync\n"
			   /* Nobody asks it anything, over the network least of all. */
			   "port 0\n"
			   "cmdport 0\n"
			   "bindcmdaddress /\n"
			   "pidfile /\n";

bool ntp_is_configured(const struct config *config)
{
	const struct config_node *servers = config_get(config, "proa.ntp.servers");

	return servers && servers->count > 0;
}

static char *make_text(const struct config *config)
{
	const struct config_node *servers = config_get(config, "proa.ntp.servers");
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; servers && i < servers->count; i++)
		fprintf(out, "server %s iburst\n", servers->children[i].text);
	fprintf(out, "%s%s", ntp_is_configured(config) ? "" : POOL LEARNED, rest);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Returns 1 where the file was another one, 0 where it was not, or a negative errno. */
static int replace(const char *path, const char *text, struct error *err)
{
	_cleanup_free_ char *folder = strdup(path), *before = NULL;
	size_t size;
	int r;

	if (!folder)
		return error_oom(err);
	if (io_read_file(path, NTP_FILE_MAX, &before, &size, NULL) == 0 &&
	    strcmp(before, text) == 0)
		return 0;
	*strrchr(folder, '/') = '\0';
	r = io_make_dirs(folder, err);
	if (r == 0)
		r = io_replace_file(path, text, strlen(text), 0644, err);
	return r < 0 ? r : 1;
}

int ntp_learn(const char *state, const char *path, struct error *err)
{
	_cleanup_fields_ struct fields fields = {0};
	const char *servers = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_oom(err);
	if (fields_read(state, &fields, NULL) == 0)
		servers = fields_get(&fields, "NTP");
	for (const char *at = servers ? servers : ""; *(at += strspn(at, " "));
	     at += strcspn(at, " "))
		fprintf(out, "server %.*s iburst\n", (int)strcspn(at, " "), at);
	if (fclose(out) != 0 || !text)
		return error_oom(err);
	return text[0] ? replace(path, text, err) : 0;
}

int ntp_apply(struct config *config, const char *path, bool *changed)
{
	_cleanup_free_ char *text = make_text(config);
	struct error err = ERROR_INIT;
	int r;

	if (!text)
		return -ENOMEM;
	r = replace(path, text, &err);
	*changed = r != 0;
	return r < 0 ? config_problem(&config->problems, CONFIG_ERROR,
				      &(struct config_place){.source = "ntp"}, NULL, "%s",
				      err.message)
		     : 0;
}
