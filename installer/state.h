/* The state partition: an ext4 with the cloud-config already inside. */
#ifndef PROA_INSTALLER_STATE_H
#define PROA_INSTALLER_STATE_H

#include <stddef.h>

#include "installer/plan.h"

/* Are the tools that state_write runs here? Returns 0 or -ENOENT. */
int state_check_tools(struct error *err);

/*
 * Makes the file system at its place on the disk or disk file `path`; nothing
 * is mounted. `config` (may be NULL) becomes /lib/proa/conf/cloud-config.yml in
 * it (mode 0600: it may hold passwords). Large parts are left for the first
 * mount to fill, so a large disk takes no longer than a small one.
 */
int state_write(const char *path, const struct plan *plan, const char *config, size_t config_size,
		struct error *err);

#endif
