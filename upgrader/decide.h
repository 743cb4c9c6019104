/*
 * May this release take the place of that one? Pure: the facts are gathered
 * elsewhere, so that a table of tests can hold every rule.
 */
#ifndef PROA_UPGRADER_DECIDE_H
#define PROA_UPGRADER_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/channel.h"
#include "lib/format/manifest.h"
#include "lib/upgrades.h"

enum decide_answer {
	DECIDE_WRITE,   /* the other slot is to be written */
	DECIDE_WRITTEN, /* the other slot holds it already: check it, and flip */
	DECIDE_PENDING, /* that, and the flip to it is ordered: a reboot is all that is missing */
	DECIDE_RUNS,    /* the running slot holds it */
};

struct decide_facts {
	const struct manifest *running;
	uint64_t least_epoch;         /* of the running slot's descriptor */
	const struct manifest *other; /* signed; NULL: the other slot is empty, or no slot */
	bool pending;                 /* a flip to the other slot is ordered */
	bool older_too;               /* a person allows a release that is not newer */
	uint64_t room_bytes;          /* for the image in the other slot */
	/* Unattended: what became of upgrades here. NULL: a person asks, who may try anything. */
	const struct upgrades *record;
	uint64_t boot; /* the one that runs, as the record counts them; 0: unknown */
};

/*
 * Which of a channel's releases to go to: `wanted`, or where that is NULL the newest that can be
 * reached from `running` in one step. NULL: there is none (newer ones that cannot be reached are
 * counted in `too_far`, which may be NULL).
 */
const struct channel_release *decide_pick(const struct channel *channel, const char *running,
					  const char *wanted, size_t *too_far);

/*
 * What speaks against trying a release unattended: that it fell back here, or that a person did
 * not want it, and the machine has run no newer one since (DESIGN §6). NULL: nothing does.
 */
const struct upgrades_event *decide_unwanted(const struct upgrades *record,
					     const struct manifest *release, const char *running);

/* In words: "a person marked it bad". */
const char *decide_reason(const struct upgrades_event *against);

/*
 * Signature, product and architecture have been checked already (bundle_open).
 *
 * Returns 0 with the answer, or
 *   -ERANGE  older than the running release, or the same version with other content, and nobody
 *            allowed it
 *   -ESTALE  its epoch is below the least: no one may go back that far
 *   -ENOTSUP the running release is too old to go to it in one step
 *   -ENOSPC  the image does not fit the slot
 *   -ECANCELED  unattended: decide_unwanted, or the other slot holds it, and nobody has staged it
 */
int decide_release(const struct manifest *release, const struct decide_facts *facts,
		   enum decide_answer *out, struct error *err);

#endif
