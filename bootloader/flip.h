/*
 * The flip block: which slot boots, and how many attempts each has left
 * (DESIGN §3). A GRUB environment block of 512 bytes whose variables keep
 * their width, so that every change changes one sector. GRUB reads and counts
 * it (bootloader/grub/grub.cfg); both sides agree on what is whole.
 */
#ifndef PROA_BOOTLOADER_FLIP_H
#define PROA_BOOTLOADER_FLIP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

enum {
	FLIP_BLOCK_SIZE = 512, /* bytes of the block, and of its file in proa-flip */
	FLIP_LEFT_MAX = 9,     /* attempts that fit the one digit */
	FLIP_TOK_LENGTH = 6,
	FLIP_TEXT_SIZE = 32, /* room for flip_text's answer */
};

enum flip_slot { FLIP_SLOT_A = 0, FLIP_SLOT_B = 1 };

static inline enum flip_slot flip_other(enum flip_slot slot)
{
	return slot == FLIP_SLOT_A ? FLIP_SLOT_B : FLIP_SLOT_A;
}

static inline char flip_letter(enum flip_slot slot)
{
	return slot == FLIP_SLOT_A ? 'a' : 'b';
}

struct flip_slot_state {
	uint8_t left; /* boot attempts left, 0 … FLIP_LEFT_MAX */
	bool good;    /* has settled since it was written */
};

struct flip {
	enum flip_slot primary; /* the slot that GRUB tries first */
	struct flip_slot_state slots[2];
	enum flip_slot turn;           /* the slot that a last resort tries next */
	char tok[FLIP_TOK_LENGTH + 1]; /* hour, minute, second of the boot that GRUB counted last */
};

/* As the installer leaves it: slot A with four attempts, slot B empty. */
void flip_init(struct flip *flip);

/*
 * Reads a block.
 *
 * out    filled on success; untouched on failure.
 *
 * Returns 0 where the block is whole, else -EBADMSG with what is damaged:
 * the header, or the first variable whose value is not permitted.
 */
int flip_parse(const uint8_t block[FLIP_BLOCK_SIZE], struct flip *out, struct error *err);

/* Writes the block's 512 bytes. What it writes, flip_parse reads back the same. */
void flip_render(const struct flip *flip, uint8_t block[FLIP_BLOCK_SIZE]);

/*
 * Does to a block what GRUB's save_env does with these values. A damaged block
 * may be whole afterwards, or not; one without header or room is left as it is.
 */
void flip_save_like_grub(const struct flip *flip, uint8_t block[FLIP_BLOCK_SIZE]);

/* Are the two the same, `tok` included? */
bool flip_equal(const struct flip *one, const struct flip *two);

/*
 * The value of the kernel argument `proa.flip`: "a,4,0,0,0,a,120500"
 * (docs/internals.md). flip_from_text returns 0 or -EINVAL.
 */
void flip_text(const struct flip *flip, char text[FLIP_TEXT_SIZE]);
int flip_from_text(const char *text, struct flip *out);

#endif
