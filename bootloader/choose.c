/*
 * What bootloader/grub/grub.cfg does with a block, step by step and in the same
 * order; tests/system/test_grub_table.py holds the two together.
 */
#include <stddef.h>
#include <string.h>

#include "bootloader/rules.h"

/* A decision being made. */
struct decision {
	const struct rules_boot *boot;
	struct rules_choice *out;
	bool unreadable[2]; /* found so in this boot, and not tried again */
	bool unchecked;     /* a damaged one is better than none */
};

static unsigned int seconds(const struct rules_boot *boot)
{
	return (unsigned int)(boot->tok[4] - '0') * 10 + (unsigned int)(boot->tok[5] - '0');
}

static void take_by_clock(struct decision *d, enum flip_slot without_clock);

/* Loads kernel and initramfs of `slot`. */
static bool take(struct decision *d, enum flip_slot slot)
{
	if (d->unreadable[slot])
		return false;
	d->unreadable[slot] = !d->boot->readable[slot] || (d->boot->damaged[slot] && !d->unchecked);
	d->out->slot = slot;
	return !d->unreadable[slot];
}

/* No slot starts: without a look at their sums, then, and else not at all. */
static void restart(struct decision *d)
{
	if (d->unchecked) {
		d->out->reboots = true;
		return;
	}
	d->unchecked = true;
	d->unreadable[FLIP_SLOT_A] = d->unreadable[FLIP_SLOT_B] = false;
	d->out->lastresort = true;
	take_by_clock(d, FLIP_SLOT_A);
}

static void take_either(struct decision *d, enum flip_slot first)
{
	if (!take(d, first) && !take(d, flip_other(first)))
		restart(d);
}

/* The block on the disk becomes `next`; or saving fails, and is not tried again in this boot. */
static bool save(struct decision *d, struct flip next)
{
	memcpy(next.tok, d->boot->tok, sizeof(next.tok));
	if (!d->boot->saves) {
		d->out->unsaved = true;
		d->out->failed_save = next;
		return false;
	}
	d->out->block = next;
	return true;
}

static bool save_attempt(struct decision *d, enum flip_slot slot)
{
	struct flip next = d->out->block;

	next.slots[slot].left--;
	return save(d, next);
}

/* The counters stand still: by the clock's parity, so that no loop visits one slot alone. */
static void take_by_clock(struct decision *d, enum flip_slot without_clock)
{
	if (!d->boot->clock)
		take_either(d, without_clock);
	else
		take_either(d, seconds(d->boot) % 2 ? FLIP_SLOT_B : FLIP_SLOT_A);
}

/* Steps 1 and 2 where saving fails: the primary, and in one of four boots the other. */
static void take_unsaved(struct decision *d, bool primary_spent)
{
	enum flip_slot primary = d->out->block.primary;
	bool other_first = d->boot->clock && seconds(d->boot) % 4 == 3;

	take_either(d, other_first ? flip_other(primary) : primary);
	d->out->fellback = !d->unchecked && d->out->slot != primary &&
			   (primary_spent || d->unreadable[primary]);
}

static void last_resort(struct decision *d)
{
	d->out->lastresort = true;
	for (;;) {
		struct flip next = d->out->block;
		enum flip_slot slot = next.turn;

		if (d->unreadable[slot])
			slot = flip_other(slot);
		if (d->unreadable[slot]) {
			restart(d);
			return;
		}
		next.turn = flip_other(slot);
		if (!save(d, next)) {
			take_by_clock(d, d->out->block.primary);
			return;
		}
		if (take(d, slot))
			return;
	}
}

void rules_grub_choose(const struct rules_boot *boot, struct rules_choice *out)
{
	struct decision d = {.boot = boot, .out = out};
	const struct flip *flip = boot->block ? boot->block : boot->mirror;
	enum flip_slot primary, other;
	bool primary_spent;

	*out = (struct rules_choice){.known = flip != NULL};
	if (!flip) {
		out->lastresort = true;
		out->unsaved = true;
		take_by_clock(&d, FLIP_SLOT_A);
		return;
	}
	out->block = *flip;
	primary = flip->primary;
	other = flip_other(primary);
	primary_spent = flip->slots[primary].left == 0;

	if (flip->slots[primary].left > 0) {
		if (!save_attempt(&d, primary)) {
			take_unsaved(&d, primary_spent);
			return;
		}
		if (take(&d, primary))
			return;
	}
	if (flip->slots[other].left > 0) {
		if (!save_attempt(&d, other)) {
			take_unsaved(&d, primary_spent);
			return;
		}
		if (take(&d, other)) {
			out->fellback = true;
			return;
		}
	}
	last_resort(&d);
}

enum flip_slot rules_next_slot(const struct flip *block, const struct flip *mirror)
{
	struct rules_boot boot = {
		.block = block,
		.mirror = mirror,
		.saves = true,
		.readable = {true, true},
		.tok = "000000",
	};
	struct rules_choice choice;

	rules_grub_choose(&boot, &choice);
	return choice.slot;
}
