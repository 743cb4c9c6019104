/* Applying an upgrade (DESIGN §6): plan, write, flip. Each step may be the last before a cut. */
#ifndef PROA_UPGRADER_UPGRADE_H
#define PROA_UPGRADER_UPGRADE_H

#include "lib/format/bundle.h"
#include "upgrader/decide.h"
#include "upgrader/fetch.h"
#include "upgrader/target.h"

struct upgrade {
	struct target *target;
	struct bundle *bundle;
	const struct fetch_options *fetch; /* the bundle's data is there; NULL: in `bundle` */
	bool older_too;
	FILE *progress; /* NULL: say nothing */
	/* What upgrade_plan learns. */
	struct slot running, other;
	bool other_is_slot; /* `other` was read: signed, for this machine */
	enum decide_answer answer;
	const char *warning; /* for the person who asked, or NULL */
	/* What upgrade_write took from where, where `fetch` is not NULL (bytes). */
	uint64_t reused, fetched;
};

/*
 * Reads both slots and decides; writes nothing. Of a disk that does not run, the slot that would
 * boot is read as a whole, since nothing else vouches for it.
 *
 * Returns 0, what decide_release refuses with, -EPERM where a rule of the flip block forbids to
 * write the other slot now, or -EUCLEAN where the running slot's descriptor or content is wrong.
 */
int upgrade_plan(struct upgrade *upgrade, struct error *err);

/*
 * Writes the bundle into the other slot, which is no slot until its last write, and reads all of
 * it back. Returns 0, or the answers of slot_write_image or apply_run; the running slot is as it
 * was in any case.
 */
int upgrade_write(struct upgrade *upgrade, struct error *err);

/* Makes the other slot the one that boots next, when all of it verifies. One sector write. */
int upgrade_flip(struct upgrade *upgrade, struct error *err);

#endif
