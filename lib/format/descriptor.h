/*
 * The slot descriptor, the last 64 KiB of a slot's partition: docs/internals.md
 * "The slot descriptor". No heap. Positions are in bytes from the start of
 * `fd`: 0 and the device's size for a partition's own device, the partition's
 * start and size for a disk or a disk file.
 */
#ifndef PROA_LIB_FORMAT_DESCRIPTOR_H
#define PROA_LIB_FORMAT_DESCRIPTOR_H

#include "lib/format/layout.h"
#include "lib/format/manifest.h"
#include "lib/format/signature.h"

enum { DESCRIPTOR_SIZE = 64 << 10 };
_Static_assert(DESCRIPTOR_SIZE == LAYOUT_DESCRIPTOR_BYTES, "one size of descriptor");

struct descriptor {
	uint64_t root_number; /* the highest number of a root document seen */
	uint64_t least_epoch; /* the least epoch that may still run */
	uint32_t manifest_size, signature_size;
	char manifest[MANIFEST_SIZE_MAX]; /* exact bytes; no NUL */
	char signature[SIGNATURES_SIZE_MAX];
};

/* Makes the 64 KiB as they lie on disk. Returns 0 or -EIO. */
int descriptor_render(const struct descriptor *descriptor, uint8_t out[DESCRIPTOR_SIZE]);

/*
 * Reads 64 KiB. Returns 0; -ENODATA: no descriptor (an empty or erased slot);
 * -EBADMSG: damaged, or half written; -EOPNOTSUPP: a newer format.
 */
int descriptor_parse(const uint8_t bytes[DESCRIPTOR_SIZE], struct descriptor *out,
		     struct error *err);

/* The same from a partition. Also returns the errno of a failed read. */
int descriptor_read(int fd, uint64_t partition_offset, uint64_t partition_size,
		    struct descriptor *out, struct error *err);

/* Writes, syncs, and reads back past the page cache. */
int descriptor_write(int fd, uint64_t partition_offset, uint64_t partition_size,
		     const struct descriptor *descriptor, struct error *err);

/* Overwrites with zeros, syncs, and reads back: the slot is then no slot. */
int descriptor_erase(int fd, uint64_t partition_offset, uint64_t partition_size,
		     struct error *err);

#endif
