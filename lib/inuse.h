/* Is somebody using a disk? Looks at the kernel's tables; changes nothing. */
#ifndef PROA_LIB_INUSE_H
#define PROA_LIB_INUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "lib/blockdev.h"

enum { INUSE_TEXT_SIZE = 512 };

/*
 * Finds the first use of the disk or of one of its partitions: a mount, swap, a
 * holder (LVM, MD, device-mapper, bcache …), a loop device on it, another
 * program's byte lock (not a flock).
 *
 * fd   the disk, open for reading
 * use  what and how to end it ("/dev/sda1 is mounted on /data; unmount it: umount /data")
 *
 * Returns 1 where it is in use, 0 where not, or a negative errno.
 */
int inuse_find(const struct blockdev *disk, int fd, char use[INUSE_TEXT_SIZE], struct error *err);

/*
 * The same for the tables alone, which are text: `members` are the disk and its
 * partitions. A device named by path counts by the number of the node behind it.
 */
bool inuse_in_mounts(FILE *mountinfo, const dev_t *members, size_t count,
		     char use[INUSE_TEXT_SIZE]);
bool inuse_in_swaps(FILE *swaps, const dev_t *members, size_t count, char use[INUSE_TEXT_SIZE]);

#endif
