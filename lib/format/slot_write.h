/*
 * The slot writer: a bundle's image into a slot, with bounded memory. Works by
 * offset on a device or a disk file.
 */
#ifndef PROA_LIB_FORMAT_SLOT_WRITE_H
#define PROA_LIB_FORMAT_SLOT_WRITE_H

#include "lib/format/bundle.h"
#include "lib/format/descriptor.h"
#include "lib/progress.h"

struct slot_writer {
	int fd;                /* the disk, for reading and writing; borrowed */
	uint64_t offset, size; /* the slot's partition, bytes */
	char letter;           /* 'a' or 'b', for messages */
	struct progress_to progress;
};

/*
 * Erases the slot's descriptor, streams the image to its place, syncs, reads
 * all of it back past the page cache and checks it against the manifest's root
 * hash. The slot is no slot until slot_write_descriptor.
 *
 * Returns 0; -EBADMSG and the others of bundle_next where the bundle is not
 * whole; -EIO where the disk fails or does not give back what was written;
 * -ENOSPC where the image does not fit.
 */
int slot_write_image(const struct slot_writer *slot, struct bundle *bundle, struct error *err);

/*
 * The same in steps, for a caller that brings the image by itself: erases the descriptor, before
 * the first byte of the image; writes bytes to their place; syncs; reads all back.
 */
int slot_write_begin(const struct slot_writer *slot, const struct manifest *manifest,
		     struct error *err);
int slot_write_bytes(const struct slot_writer *slot, const void *data, size_t size, uint64_t offset,
		     struct error *err);
int slot_write_sync(const struct slot_writer *slot, struct error *err);
int slot_read_back(const struct slot_writer *slot, const struct manifest *manifest,
		   struct error *err);

/*
 * Writes the descriptor, which makes the slot bootable.
 *
 * root_number  the highest of a root document that was seen
 * least_epoch  the least that may run; the release's own, where that is higher, counts
 */
int slot_write_descriptor(const struct slot_writer *slot, const struct bundle *bundle,
			  uint64_t root_number, uint64_t least_epoch, struct error *err);

#endif
