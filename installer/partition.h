/* Makes the partition table of a plan on a disk, by libparted. */
#ifndef PROA_INSTALLER_PARTITION_H
#define PROA_INSTALLER_PARTITION_H

#include "installer/plan.h"

/*
 * Zeroes what could be taken for something: old tables at both ends of the
 * disk, the backup first, and the first and last MiB of each partition to be.
 * Not the first sector. Syncs between each.
 */
int partition_wipe(int fd, const struct plan *plan, struct error *err);

/*
 * Writes a fresh GPT, both copies, with new GUIDs. The kernel is not told:
 * partition_announce does that when all is written, so that no one can open a
 * partition that is still being filled.
 */
int partition_write(const char *path, const struct plan *plan, struct error *err);

/* Has the kernel read the table anew. `path`: a device that nobody holds open. */
int partition_announce(const char *path, struct error *err);

#endif
