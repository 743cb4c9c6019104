/*
 * What PID 1 mounts in the slot, and how it lets go of everything at the end.
 */
#ifndef PROA_INIT_SUPERVISE_MOUNTS_H
#define PROA_INIT_SUPERVISE_MOUNTS_H

#include "lib/error.h"

/* /dev/pts, /dev/shm, /tmp, cgroup2 with its controllers; mounts spread into containers. */
int mounts_first(struct error *err);

/*
 * Folders of the state partition, /var/lib/proa/volumes/NAME on /NAME. Does all
 * that it can; fails with the last that it could not do.
 */
int mounts_volumes(struct error *err);

/* Unmounts all but the root and the kernel's own, newest first; what is busy turns read-only. */
void mounts_leave(void);

#endif
