/* Applying an upgrade (DESIGN §6): plan, write, flip. Each step may be the last before a cut. */
#ifndef PROA_UPGRADER_UPGRADE_H
#define PROA_UPGRADER_UPGRADE_H

#include "lib/format/bundle.h"
#include "upgrader/apply.h"
#include "upgrader/decide.h"
#include "upgrader/fetch.h"
#include "upgrader/target.h"

struct upgrade {
	struct target *target;
	struct bundle *bundle;
	const struct fetch_options *fetch; /* the bundle's data is there; NULL: in `bundle` */
	bool older_too;
	const struct upgrades *record; /* unattended: what became of upgrades here; else NULL */
	struct progress_to progress;
	/* What upgrade_plan learns. */
	struct slot running, other;
	bool other_is_slot; /* `other` was read: signed, for this machine */
	/* Neither goes back: the highest that the slots know; the epoch of one that never settled
	 * does not count. */
	uint64_t root_number, least_epoch;
	struct apply_work *work; /* of upgrade_begin; upgrade_end frees it */
	struct apply apply;
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
 * Looks for what need not be fetched, then takes the other slot's attempts away: from here on
 * nothing boots it, whatever becomes of us.
 *
 * Returns 0, -EPERM where a rule forbids it now, or another negative errno; then nothing was
 * written.
 */
int upgrade_begin(struct upgrade *upgrade, struct error *err);

/*
 * Writes the bundle into the other slot, which is no slot until its last write, and reads all of
 * it back. Returns 0, or the answers of slot_write_image or apply_run; the running slot is as it
 * was in any case.
 */
int upgrade_write(struct upgrade *upgrade, struct error *err);

/* Reads the other slot as a whole, where upgrade_write has not just done so. */
int upgrade_check(struct upgrade *upgrade, struct error *err);

/* Makes the other slot the one that boots next, when all of it verifies. One sector write. */
int upgrade_flip(struct upgrade *upgrade, struct error *err);

/* Frees what upgrade_begin made; the rest is the caller's. */
void upgrade_end(struct upgrade *upgrade);

#endif
