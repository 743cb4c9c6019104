/* Where everything goes on a disk (DESIGN §2). Pure: numbers in, numbers out. */
#ifndef PROA_INSTALLER_PLAN_H
#define PROA_INSTALLER_PLAN_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/format/layout.h"

/* The least state partition: configuration, logs, and a few small containers. */
#define PLAN_STATE_BYTES_MIN (512 * LAYOUT_MIB)
/* Above that a slot is never made by itself; --slot-size may. */
#define PLAN_SLOT_BYTES_AUTO_MAX (4 * LAYOUT_GIB)

struct plan_request {
	uint64_t disk_bytes;
	uint32_t sector_bytes;
	uint64_t image_bytes; /* of the release to install */
	uint64_t slot_bytes;  /* 0: chosen by plan_make */
};

struct plan_partition {
	const char *label;
	const char *type;      /* GUID */
	uint64_t offset, size; /* bytes */
};

struct plan {
	uint64_t disk_bytes;
	uint32_t sector_bytes;
	struct plan_partition partitions[LAYOUT_PARTITIONS]; /* number N at N - 1 */
};

/* Partition `number` (enum layout_partition). */
static inline const struct plan_partition *plan_partition(const struct plan *plan,
							  enum layout_partition number)
{
	return &plan->partitions[number - 1];
}

/*
 * Slots are as large as asked for, else the largest of 1 GiB, twice the image,
 * and a sixteenth of the disk (up to 4 GiB; no more than the disk has room for):
 * slots cannot grow later, and images do.
 *
 * Returns 0; -ENOSPC: the disk is too small (the message says how much is
 * needed); -EINVAL: a slot size that the image does not fit in twice;
 * -EOPNOTSUPP: sectors of neither 512 nor 4096 bytes.
 */
int plan_make(const struct plan_request *request, struct plan *out, struct error *err);

#endif
