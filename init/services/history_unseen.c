#include "init/services/history_unseen.h"

#include <stdio.h>

enum { LEFT_NEW = 2, LEFT_SETTLED = 4 }; /* bootloader/rules.c: what a flip, and settling, give */

/* The block as GRUB had saved it for a boot. */
struct block {
	char primary;
	unsigned left[2];
	bool good[2];
};

static bool read_block(const char *flip, struct block *out)
{
	unsigned left[2], good[2];
	int end = 0;

	if (sscanf(flip, "%c,%1u,%1u,%1u,%1u,%n", &out->primary, &left[0], &good[0], &left[1],
		   &good[1], &end) != 5 ||
	    end == 0 || (out->primary != 'a' && out->primary != 'b'))
		return false;
	for (int i = 0; i < 2; i++) {
		out->left[i] = left[i];
		out->good[i] = good[i] == 1;
	}
	return true;
}

/* The least that the slot had left when the boot `before` had ended. */
static unsigned least_left(const struct history_boot *before, const struct block *then, int slot)
{
	bool ran = before->slot == "ab"[slot];

	if (ran && before->stage == BOOTLOG_SETTLED)
		return LEFT_SETTLED;
	/* It became the primary in that boot: by a flip, which gives it attempts. */
	if (!ran && then->primary != "ab"[slot])
		return LEFT_NEW;
	return then->left[slot];
}

unsigned history_unseen(const struct history_boot *before, const struct history_boot *after,
			char *slot)
{
	struct block then, now;
	unsigned had;
	int primary;

	/* An error of the running root takes all attempts, and so does a person: good goes too. */
	if (before->number + 1 != after->number || before->degraded ||
	    !read_block(before->flip, &then) || !read_block(after->flip, &now))
		return 0;
	primary = now.primary - 'a';
	if (before->slot == now.primary &&
	    (then.good[primary] || before->stage == BOOTLOG_SETTLED) && !now.good[primary])
		return 0;
	had = least_left(before, &then, primary);
	*slot = now.primary;
	/* One was the boot `after` itself, be it that GRUB could not read the slot and went on. */
	return had > now.left[primary] + 1 ? had - now.left[primary] - 1 : 0;
}
