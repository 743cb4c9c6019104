/*
 * The arguments file in proa-flip: a GRUB environment block of constant size
 * with the machine's own kernel arguments and the one-shot that opens GRUB's
 * menu at the next boot.
 */
#ifndef PROA_BOOTLOADER_ARGS_H
#define PROA_BOOTLOADER_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "bootloader/flipfs.h"
#include "lib/error.h"

/* Longest machine arguments: the kernel takes 2047 bytes, and the release's and ours come too. */
enum { ARGS_MAX = 1024 };

struct args {
	char text[ARGS_MAX + 1];
	bool menu; /* open the menu once, at the next boot */
};

/*
 * May `text` be the machine's kernel arguments? Printable ASCII on one line, at
 * most ARGS_MAX bytes, without what GRUB would change on the way (quotes,
 * backslashes, wildcards), and without what only GRUB says (proa.slot=, … ).
 *
 * Returns 0, or -EINVAL with a sentence that names the offending word.
 */
int args_check(const char *text, struct error *err);

/* Writes the file's content. `args` must have passed args_check. */
void args_render(const struct args *args, uint8_t out[FLIPFS_ARGS_SIZE]);

/* Reads it. Returns 0, or -EBADMSG where the file is damaged. */
int args_parse(const uint8_t file[FLIPFS_ARGS_SIZE], struct args *out, struct error *err);

#endif
