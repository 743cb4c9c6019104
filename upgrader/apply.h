/*
 * An image out of what is there already and of what a server has: each chunk
 * from the running slot, from the target slot where an interrupted upgrade left
 * it, else over the network. Memory is the chunk tables and one frame.
 */
#ifndef PROA_UPGRADER_APPLY_H
#define PROA_UPGRADER_APPLY_H

#include "lib/format/bundle.h"
#include "lib/format/slot_write.h"
#include "upgrader/fetch.h"

struct apply {
	struct slot_writer to;
	int from_fd; /* the running slot's image */
	uint64_t from_offset, from_size;
	const struct bundle_head *head;
	uint64_t data_offset; /* of the bundle's data in the file at the address */
	const struct fetch_options *fetch;
	struct progress_to progress;
	/* What it came to, in bytes: of the image, from either slot; over the network. */
	uint64_t reused, fetched;
};

struct apply_work;

/*
 * Looks through both slots for what need not be fetched; writes nothing. What cannot be read is
 * fetched. `apply` is borrowed until apply_end, which the caller calls.
 *
 * Returns 0 or -ENOMEM, -EIO (OpenSSL refused).
 */
int apply_prepare(struct apply *apply, struct apply_work **out, struct error *err);

/*
 * Writes the whole image and syncs it; the target's descriptor was erased before
 * (slot_write_begin), and slot_read_back has the last word. After a failure the whole may be
 * tried anew: what was written by then is not fetched again.
 *
 * Returns 0; -EBADMSG where what came is not what the index names; -EIO where a disk fails;
 * -EREMOTEIO where the network does; or another negative errno.
 */
int apply_run(struct apply_work *work, struct error *err);

/* NULL is fine. */
void apply_end(struct apply_work *work);

#endif
