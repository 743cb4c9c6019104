/*
 * The flip block on a disk: every writer takes the same lock, reads afresh,
 * changes, writes one sector past the cache, reads it back, then does the same
 * to the mirror (DESIGN §3). No allocation: PID 1 uses it.
 */
#ifndef PROA_BOOTLOADER_FLIPIO_H
#define PROA_BOOTLOADER_FLIPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "bootloader/args.h"
#include "bootloader/flip.h"
#include "bootloader/flipfs.h"
#include "bootloader/rules.h"
#include "lib/cleanup.h"
#include "lib/error.h"

/* An open proa-flip. Plain memory: flipio_close() undoes flipio_open(). */
struct flipio {
	int fd;
	uint64_t offset;      /* of the partition, in bytes */
	uint32_t sector_size; /* what one write covers: 512 or 4096 */
	bool direct;          /* O_DIRECT works here */
	char name[64];        /* for messages */
};

#define FLIPIO_INIT                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* What was found; `block` is usable where one of the two is whole. */
struct flipio_state {
	struct flip block; /* from the block, or from the mirror where the block is damaged */
	bool block_whole;
	bool mirror_whole;
	bool same; /* both whole, and equal */
};

/*
 * Opens proa-flip for reading and writing and takes the lock, waiting 10 s for it.
 *
 * path         the partition's node, or a disk (device or file)
 * offset       where the partition starts in `path`, in bytes (0 for a node)
 * sector_size  512 or 4096; 0: the device's own, and 512 for a plain file
 *
 * The lock is on `path`'s inode: whoever changes the same partition opens the
 * same path. Hold it no longer than the change takes.
 */
int flipio_open(struct flipio *io, const char *path, uint64_t offset, uint32_t sector_size,
		struct error *err);

/* The same for reading alone: no lock, nothing can be written. */
int flipio_open_read(struct flipio *io, const char *path, uint64_t offset, uint32_t sector_size,
		     struct error *err);

void flipio_close(struct flipio *io);
#define _cleanup_flipio_ _cleanup_(flipio_close)

/*
 * Reads block and mirror past the cache. Returns 0 (`state` says what is
 * whole, both may be damaged) or the negative errno of a read that failed for
 * both; a sector that cannot be read counts as damaged.
 */
int flipio_read(struct flipio *io, struct flipio_state *state, struct error *err);

/* Writes the block, reads it back, then the mirror. Writes only what differs from `flip`. */
int flipio_commit(struct flipio *io, const struct flip *flip, struct error *err);

/*
 * One event from the fresh read to the mirror's read-back. `out` may be NULL.
 *
 * Returns 0, -EPERM where a rule refuses it (nothing written), -EBADMSG where
 * neither block nor mirror is whole, or another negative errno. Mirror and
 * block are equal afterwards, also where the event itself changes nothing.
 * RULES_REPAIR never refuses.
 */
int flipio_event(struct flipio *io, enum rules_event event, const struct rules_facts *facts,
		 struct rules_outcome *out, struct error *err);

/*
 * Compares the file system's metadata with what it must be and writes back
 * what differs, block by block. `repaired` (may be NULL) counts the blocks.
 */
int flipio_repair_metadata(struct flipio *io, unsigned int *repaired, struct error *err);

/* The machine's kernel arguments and the menu's one-shot. */
int flipio_args_get(struct flipio *io, struct args *args, struct error *err);
int flipio_args_set(struct flipio *io, const struct args *args, struct error *err);

/*
 * Raw access for the boot log ring: whole 4 KiB records at `offset` from the
 * start of the partition, past the cache. `record` is aligned to 4096 bytes.
 */
int flipio_record_read(struct flipio *io, uint32_t offset, void *record, struct error *err);
int flipio_record_write(struct flipio *io, uint32_t offset, const void *record, struct error *err);

#endif
