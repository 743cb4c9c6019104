/*
 * Disks, as the kernel shows them, and plain files that stand for a disk.
 * Reads sysfs only; opens nothing for writing.
 */
#ifndef PROA_LIB_BLOCKDEV_H
#define PROA_LIB_BLOCKDEV_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

enum {
	BLOCKDEV_NAME_SIZE = 256,
	BLOCKDEV_MODEL_SIZE = 64,
	BLOCKDEV_PARTITIONS_MAX = 256,
};

struct blockdev {
	char path[PATH_MAX];             /* without symbolic links */
	char name[BLOCKDEV_NAME_SIZE];   /* the kernel's ("sda"), or the file's */
	char model[BLOCKDEV_MODEL_SIZE]; /* empty where there is none */
	bool is_file;
	bool read_only;
	bool removable;
	char part_of[BLOCKDEV_NAME_SIZE]; /* a partition: its disk's name; else empty */
	dev_t device;                     /* a device's number; 0 for a file */
	uint64_t size_bytes;
	uint32_t sector_bytes; /* logical; 512 for a file */
};

/*
 * Fills `out` for a device node, a link to one, or a plain file.
 *
 * Returns 0; -ENOENT: there is no such thing; -ENOTBLK: neither a block device
 * nor a plain file; -ENOMEDIUM: no medium in the drive; or another errno.
 */
int blockdev_probe(const char *path, struct blockdev *out, struct error *err);

/* The device itself and each of its partitions. Returns how many were filled, or -errno. */
int blockdev_members(const struct blockdev *disk, dev_t *members, size_t max, struct error *err);

/* The kernel's name of a device number ("sda1"); false where sysfs does not know it. */
bool blockdev_name(dev_t device, char *name, size_t size);

/* One line of a sysfs attribute of the device, without white space at its end. */
bool blockdev_attribute(dev_t device, const char *attribute, char *value, size_t size);

/* A partition of a disk's table. */
struct blockdev_partition {
	uint64_t offset, size; /* bytes */
	char uuid[37];         /* lower case */
	char label[73];
};

/*
 * Partition `number` of the GPT on `fd`, by libblkid; sector_bytes 0: the
 * device's own, 512 for a file.
 *
 * Returns 0, -ENODATA where there is no GPT or no such partition, or another errno.
 */
int blockdev_partition(int fd, uint32_t sector_bytes, int number, struct blockdev_partition *out,
		       struct error *err);

#endif
