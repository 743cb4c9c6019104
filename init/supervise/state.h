/*
 * The state partition on /var: mounted, and repaired where it asks for it, by
 * children, so that PID 1's loop turns meanwhile.
 */
#ifndef PROA_INIT_SUPERVISE_STATE_H
#define PROA_INIT_SUPERVISE_STATE_H

#include "init/facts.h"
#include "lib/error.h"

/*
 * Mounts it. e2fsck of the slot repairs it first where its superblock says that
 * errors were seen, and where the mount fails; an unclean end alone is the
 * journal's business, in the mount itself.
 *
 * Returns 0, -ETIMEDOUT (the disk answers no more), -EINTR (a shutdown was asked
 * for meanwhile), -EROFS (disk or file system take no writes, whatever is booted),
 * or another negative errno.
 */
int state_mount(const struct facts *facts, struct error *err);

/* A /var of memory, for a machine that must stay up without its state partition. */
int state_mount_in_memory(struct error *err);

#endif
