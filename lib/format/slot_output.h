/*
 * What goes into a slot, gathered into pieces of 256 KiB and written by a thread while the caller
 * makes what follows. A disk that gets pieces of any length would have to read the blocks at their
 * ends.
 */
#ifndef PROA_LIB_FORMAT_SLOT_OUTPUT_H
#define PROA_LIB_FORMAT_SLOT_OUTPUT_H

#include "lib/format/slot_write.h"

struct slot_output;

/*
 * slot  borrowed
 *
 * Where no thread can be had (a limit of processes, little memory), the caller's writes. Returns 0
 * or -ENOMEM.
 */
int slot_output_start(struct slot_output **out, const struct slot_writer *slot, struct error *err);

/* Takes a copy of the bytes. Returns 0, or -EIO of these or of earlier ones. */
int slot_output_write(struct slot_output *output, const void *data, size_t size, uint64_t offset,
		      struct error *err);

/* All is written, and on the disk. Returns 0 or -EIO. */
int slot_output_sync(struct slot_output *output, struct error *err);

/* What was not synced may be lost. NULL is fine. */
void slot_output_end(struct slot_output *output);

static inline void cleanup_slot_output(struct slot_output **output)
{
	slot_output_end(*output);
}
#define _cleanup_slot_output_ __attribute__((cleanup(cleanup_slot_output)))

#endif
