/*
 * The disk whose slots are to change: this machine's own while it runs, or
 * another one, a device or a file (`--disk`), of which nothing runs.
 */
#ifndef PROA_UPGRADER_TARGET_H
#define PROA_UPGRADER_TARGET_H

#include <limits.h>
#include <stdio.h>

#include "bootloader/flipio.h"
#include "bootloader/rules.h"
#include "lib/format/slot.h"
#include "lib/progress.h"
#include "lib/trust.h"

struct target_request {
	const char *disk;        /* NULL: this machine's */
	const char *boot;        /* RUNTIME_BOOT */
	const char *init_socket; /* RUNTIME_INIT_SOCKET */
	struct option_list keys; /* trusted; none: those of this machine */
	bool writes;             /* else nothing is opened for writing */
};

struct target_slot {
	int fd;
	uint64_t offset, size; /* bytes */
};

struct target {
	struct trust trust;
	char disk[PATH_MAX];     /* for messages */
	const char *init_socket; /* borrowed; NULL for a disk that does not run */
	struct target_slot slots[2];
	char flip_path[PATH_MAX];
	uint64_t flip_offset;
	uint64_t boot;         /* its number, as the history counts; 0: unknown */
	uint32_t sector_bytes; /* of a file, which cannot say it itself; else 0 */
	/* Who runs, and what is known of this boot; what verifies is the caller's to fill in. */
	struct rules_facts facts;
	/* By the block as it was when the target was opened: a flip is; the other slot has settled.
	 */
	bool pending, other_good;
	int fd, guard, lock;
};

#define TARGET_INIT                                                                                \
	{                                                                                          \
		.slots = {{.fd = -1}, {.fd = -1}}, .fd = -1, .guard = -1, .lock = -1               \
	}

/*
 * Opens the disk, finds flip block and slots, and learns which slot runs (of a disk that does
 * not: which one GRUB would take). With `writes` it also takes the lock of whoever changes
 * slots, without waiting. The caller ends it with target_close, whatever the answer.
 *
 * Returns 0, or a negative errno:
 *   -ENOENT        this machine does not run Proa, and no disk was named; or there is no such disk
 *   -ENOTBLK       neither a disk nor a file
 *   -ENODATA       no disk of Proa
 *   -EACCES        needs root
 *   -EBUSY         somebody else uses the disk, or changes its slots
 *   -ENOKEY        no key is trusted
 *   -EBADMSG       neither flip block nor mirror is whole
 *   other          reading failed
 */
int target_open(const struct target_request *request, struct target *out, struct error *err);
void target_close(struct target *target);
#define _cleanup_target_ __attribute__((cleanup(target_close)))

static inline enum flip_slot target_other(const struct target *target)
{
	return flip_other(target->facts.running);
}

/*
 * Reads a slot's descriptor, which a key may have signed that does not count any more; the answers
 * are slot_verify_descriptor's.
 */
int target_read_slot(const struct target *target, enum flip_slot which, struct slot *out,
		     struct error *err);

/* The highest number of a root document that the slots' descriptors know. */
uint64_t target_root_seen(const struct target *target);

/* Reads the whole slot past the page cache; the answers are slot_verify_tree's. */
int target_check_slot(const struct target *target, enum flip_slot which, const struct slot *slot,
		      struct progress_to progress, struct error *err);

/* Would the event be allowed now? Writes nothing. Returns 0 or what rules_apply refuses with. */
int target_may(const struct target *target, enum rules_event event, struct rules_outcome *out,
	       struct error *err);

/*
 * One event of the flip block, from the fresh read to the mirror's read-back (flipio_event). PID 1
 * is asked anew under its lock: while a slot is written, the running one may fail.
 */
int target_event(struct target *target, enum rules_event event, struct rules_outcome *out,
		 struct error *err);

#endif
