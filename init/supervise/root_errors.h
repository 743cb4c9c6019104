/*
 * Errors of the disk under the running root. dm-verity's status tells of blocks that do not
 * verify; that the disk could not read one, the kernel's log alone says, and that at most ten
 * times in five seconds for all disks together.
 */
#ifndef PROA_INIT_SUPERVISE_ROOT_ERRORS_H
#define PROA_INIT_SUPERVISE_ROOT_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "init/facts.h"
#include "init/supervise/gate.h"

/* The root's partition on its disk, in sectors of 512 bytes. */
struct root_area {
	char disk[FACTS_NODE_SIZE]; /* the kernel's name, as in /dev */
	uint64_t first, count;
};

/*
 * Does a record of /dev/kmsg (kernel: Documentation/ABI/testing/dev-kmsg) say that the disk
 * could not read something in the area? The words are those of block/blk-mq.c,
 * blk_print_req_error(). What was read ahead does not count, as nobody has missed it, nor does
 * what became of the way to the disk (a time-out, a transport).
 */
bool root_errors_match(const char *record, const struct root_area *area);

/* From now on, and for what the log holds already, such a record is gate_root_failed(). */
void root_errors_watch(struct gate *gate);

#endif
