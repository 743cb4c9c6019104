/*
 * GRUB's environment block: the header, then lines of `name=value`, then '#'
 * to the end. Read and changed step by step as GRUB 2.14 does
 * (grub-core/lib/envblk.c), damaged blocks included: the two must agree on
 * what a broken block says.
 */
#ifndef PROA_BOOTLOADER_ENVBLK_H
#define PROA_BOOTLOADER_ENVBLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENVBLK_HEADER "# GRUB Environment Block\n"
enum { ENVBLK_HEADER_SIZE = sizeof(ENVBLK_HEADER) - 1 };

/* A variable as it stands in the block, the value with its escapes. */
struct envblk_variable {
	const uint8_t *name, *value;
	size_t name_size, value_size;
};

bool envblk_has_header(const uint8_t *block, size_t size);

/* Fills the block with the header and '#'. */
void envblk_init(uint8_t *block, size_t size);

/*
 * The next variable behind `*at`, which starts as 0. Returns false at the end,
 * or where the block is broken: GRUB reads no further either.
 */
bool envblk_next(const uint8_t *block, size_t size, size_t *at, struct envblk_variable *out);

/* Is this the variable's name? GRUB ends a name at a NUL. */
bool envblk_named(const struct envblk_variable *variable, const char *name);

/*
 * Writes the value to `out`, without its escapes, cut at a NUL as GRUB does.
 * Returns false where it does not fit `room` with the NUL behind it.
 */
bool envblk_value(const struct envblk_variable *variable, char *out, size_t room);

/* Sets a variable, as save_env does. Returns false where the block is broken or full. */
bool envblk_set(uint8_t *block, size_t size, const char *name, const char *value);

#endif
