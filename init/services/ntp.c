#include "init/services/ntp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/io.h"

/* Debian's, since the programs are. */
#define POOL "pool 2.debian.pool.ntp.org iburst\n"

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
	fprintf(out, "%s%s", servers && servers->count > 0 ? "" : POOL, rest);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int ntp_apply(struct config *config, const char *path, bool *changed)
{
	_cleanup_free_ char *text = make_text(config), *folder = strdup(path), *before = NULL;
	struct error err = ERROR_INIT;
	size_t size;
	int r;

	if (!text || !folder)
		return -ENOMEM;
	*changed = false;
	if (io_read_file(path, 64 << 10, &before, &size, NULL) == 0 && strcmp(before, text) == 0)
		return 0;
	*changed = true;
	*strrchr(folder, '/') = '\0';
	r = io_make_dirs(folder, &err);
	if (r == 0)
		r = io_replace_file(path, text, strlen(text), 0644, &err);
	return r < 0 ? config_problem(&config->problems, CONFIG_ERROR,
				      &(struct config_place){.source = "ntp"}, NULL, "%s",
				      err.message)
		     : 0;
}
