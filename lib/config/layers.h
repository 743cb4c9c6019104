/*
 * A machine's configuration: layers laid over one another in a fixed order.
 *
 *   built in                      the schema's defaults
 *   image                         /usr/lib/proa/config.yml, if there is one
 *   data source                   what the cloud that the machine runs in says
 *   /var/lib/proa/conf/ *.yml     in the order of their names; local.yml, which
 *                                 `proa config set` writes, behind all of them
 *   kernel command line           cc.KEY=VALUE
 */
#ifndef PROA_LIB_CONFIG_LAYERS_H
#define PROA_LIB_CONFIG_LAYERS_H

#include "lib/config/tree.h"
#include "lib/error.h"

#define CONFIG_LOCAL    "local.yml" /* within the folder */
#define CONFIG_BUILT_IN "built in"  /* the source of defaults */

/* Where the layers are; NULL: that one is left out. */
struct config_sources {
	const char *image;       /* a file that need not be there */
	const char *data_source; /* the same */
	const char *folder;      /* the same */
	const char *good;        /* the last good version of each file in it */
	const char *cmdline;     /* a file like /proc/cmdline */
	bool defaults;           /* the schema's */
};

extern const struct config_sources config_of_this_machine;

struct config {
	struct config_node tree;
	struct config_problems problems; /* of all layers, in their order */
	char **names;                    /* of files: places point to them */
	size_t names_count;
	size_t old_files; /* in error, and their last good versions count instead */
};

/*
 * Reads and checks all layers. What is in error is in `problems`. Of a file of the folder that
 * is, the last good version counts, where there is one; else what is right in it: one bad key
 * does not cost a machine its other keys. A file that is no YAML is left out as a whole.
 *
 * Returns 0, also where problems were found; -ENOMEM; or -EACCES: only root may read it.
 */
int config_load(const struct config_sources *sources, struct config *out, struct error *err);

/* Keeps a copy of each file of the folder that can be used as it is. Best effort. */
void config_keep_good(const struct config_sources *sources);

/* Adds one more file to it, checked in the same way. */
int config_load_file(struct config *config, const char *path, struct error *err);

void config_free(struct config *config);

#define _cleanup_whole_config_ __attribute__((cleanup(config_free)))

#endif
