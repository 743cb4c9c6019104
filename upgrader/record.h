/* Notes down what becomes of this machine's upgrades (lib/upgrades.h). */
#ifndef PROA_UPGRADER_RECORD_H
#define PROA_UPGRADER_RECORD_H

#include "lib/upgrades.h"
#include "upgrader/target.h"

/* What happened just now to the release in slot `which`. */
struct upgrades_event record_event(const struct target *target, enum upgrades_kind kind,
				   enum flip_slot which, const struct manifest *release);

/*
 * Writes it down; of a disk that does not run, nothing is. What cannot be written, on a full
 * disk for one, is warned of and stops no person (a start, silently: its end will be).
 *
 * Returns 0 or a negative errno.
 */
int record_write(const struct target *target, const char *command,
		 const struct upgrades_event *event);

/* Both, for the release that the slot's descriptor names; where it names none, nothing. */
void record_slot(const struct target *target, const char *command, enum upgrades_kind kind,
		 enum flip_slot which);

#endif
