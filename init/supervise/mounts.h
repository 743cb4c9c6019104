/*
 * What PID 1 mounts in the slot, and how it lets go of everything at the end.
 */
#ifndef PROA_INIT_SUPERVISE_MOUNTS_H
#define PROA_INIT_SUPERVISE_MOUNTS_H

#include "init/facts.h"
#include "lib/error.h"

/* /dev/pts, /dev/shm, /tmp, cgroup2 with its controllers; mounts spread into containers. */
int mounts_first(struct error *err);

/*
 * Mounts the state partition on /var. e2fsck of the slot repairs it first where
 * its superblock says that errors were seen, and where the mount fails; an
 * unclean end alone is the journal's business, in the mount itself.
 */
int mounts_state(const struct facts *facts, struct error *err);

/* A /var of memory, for a machine that must stay up without its state partition. */
int mounts_state_in_memory(struct error *err);

/*
 * Folders of the state partition, /var/lib/proa/volumes/NAME on /NAME. Does all
 * that it can; fails with the last that it could not do.
 */
int mounts_volumes(struct error *err);

/* Unmounts all but the root and the kernel's own, newest first; what is busy turns read-only. */
void mounts_leave(void);

#endif
