/*
 * The kernel command line: docs/internals.md "The kernel command line".
 */
#ifndef PROA_INIT_BOOT_CMDLINE_H
#define PROA_INIT_BOOT_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

enum { CMDLINE_SIZE = 4096, CMDLINE_VALUE_SIZE = 64 };

struct cmdline {
	char slot;                     /* 'a' or 'b' */
	char root[CMDLINE_VALUE_SIZE]; /* PARTUUID of the slot's partition, lower case */
	char flip[CMDLINE_VALUE_SIZE]; /* the block as GRUB has saved it; may be empty */
	bool unsaved, fellback, lastresort, debug;
	char all[CMDLINE_SIZE]; /* the whole line, without its end */
};

/*
 * Reads the arguments out of `line`. Where one stands twice, the first counts:
 * GRUB's own come first, and a machine's arguments cannot redirect the boot.
 *
 * Returns 0 or -EINVAL: no proa.slot or proa.root, or one that cannot be. What
 * was understood is in `out` all the same.
 */
int cmdline_parse(const char *line, struct cmdline *out, struct error *err);

/* The same from /proc/cmdline. */
int cmdline_read(struct cmdline *out, struct error *err);

#endif
