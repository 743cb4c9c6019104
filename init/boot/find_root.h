/*
 * Finds the disk that GRUB booted from (DESIGN §3, last paragraph): by the
 * PARTUUID of the slot's partition, and among clones by the flip block that
 * holds what GRUB has just saved. All partitions are then taken from that disk.
 */
#ifndef PROA_INIT_BOOT_FIND_ROOT_H
#define PROA_INIT_BOOT_FIND_ROOT_H

#include <stdbool.h>
#include <stddef.h>

#include "init/boot/cmdline.h"
#include "init/boot/modules.h"
#include "lib/error.h"
#include "lib/format/layout.h"

enum { FIND_NODE_SIZE = 48, FIND_DISKS_MAX = 32 };

/* A disk that has the slot's PARTUUID. */
struct candidate {
	char disk[FIND_NODE_SIZE]; /* "/dev/vda" */
	char partitions[LAYOUT_PARTITIONS + 1][FIND_NODE_SIZE]; /* by number; "" where missing */
	bool holds_block; /* its flip block is the one that GRUB has just saved */
};

enum find_answer {
	FIND_DECIDED,
	FIND_WAIT,      /* for more disks, or for the time to settle */
	FIND_UNDECIDED, /* clones that nothing tells apart: touch nothing */
};

/*
 * The rule. A disk that holds the block is it at once: the clock and counters
 * in the block differ from every clone's that was made before this boot. One
 * that does not (saving failed) is it only once no other disk has appeared for
 * a while (`settled`): being first does not prove that it is alone.
 */
enum find_answer find_choose(const struct candidate *candidates, size_t count, bool settled,
			     size_t *chosen);

/*
 * Loads the drivers that the hardware asks for, as devices appear, until the
 * disk is decided. Returns 0, -ENODEV (not found before the deadline), or
 * -ENOTUNIQ (clones; no disk was written to).
 */
int find_root(const struct cmdline *cmdline, struct modules *modules, struct candidate *out,
	      struct error *err);

#endif
