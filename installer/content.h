/* What a disk holds: partitions and file systems, by libblkid. Reads only. */
#ifndef PROA_INSTALLER_CONTENT_H
#define PROA_INSTALLER_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum {
	CONTENT_ITEMS_MAX = 32, /* shown; more are only counted */
	CONTENT_TEXT_SIZE = 64,
};

struct content_item {
	int number; /* of the partition; 0: the whole disk */
	uint64_t size_bytes;
	char kind[CONTENT_TEXT_SIZE];  /* "ext4", "zfs_member"; empty: nothing known */
	char label[CONTENT_TEXT_SIZE]; /* of the file system, else of the partition */
};

struct content {
	char table[16];    /* "gpt", "dos"; empty: none */
	size_t partitions; /* in the table */
	bool unknown;      /* no partition or signature, but more than zeros and an empty table */
	struct content_item items[CONTENT_ITEMS_MAX];
	size_t count;
};

/*
 * Looks at the disk behind `fd`; sector_bytes 0: the device's own.
 * Returns 0 or a negative errno (a disk that cannot be read).
 */
int content_read(int fd, uint64_t size_bytes, uint32_t sector_bytes, struct content *out,
		 struct error *err);

/* True where something would be lost: an empty partition table alone is nothing. */
bool content_is_data(const struct content *content);

/* "ext4 file system", "ZFS pool member": the kind in a person's words; returns `out`. */
const char *content_describe(const struct content_item *item, char out[2 * CONTENT_TEXT_SIZE]);

#endif
