/*
 * How the upgrade that this boot tried, or fell back from, has ended: noted down once the
 * health gate has passed (lib/upgrades.h).
 */
#ifndef PROA_INIT_SERVICES_OUTCOME_H
#define PROA_INIT_SERVICES_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/upgrades.h"

struct supervisor;

/* A slot and its release. */
struct outcome_slot {
	char letter;
	char version[MANIFEST_TEXT_SIZE];
	char root_hash[HASH_HEX_SIZE]; /* "": it cannot be read */
};

struct outcome_facts {
	uint64_t boot;
	struct outcome_slot running, other;
	bool passed_over; /* by GRUB: the other slot was to be booted, and this one is */
};

/*
 * What the record lacks: that the running release has passed, that the other one has fallen
 * back. True where there is something to add; then ask again.
 */
bool outcome_next(const struct outcome_facts *facts, const struct upgrades *record,
		  struct upgrades_event *out);

/* In the loop: does its work once, when PID 1 knows that the gate has passed. */
void outcome_step(struct supervisor *supervisor);

#endif
