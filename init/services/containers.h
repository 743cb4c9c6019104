/*
 * People's containers, as far as the health gate asks for them: those that ran before the
 * boot, with a restart policy, are to run again, and healthy where they had been. A label
 * says otherwise: proa.health=required (whatever ran before) or proa.health=ignore.
 */
#ifndef PROA_INIT_SERVICES_CONTAINERS_H
#define PROA_INIT_SERVICES_CONTAINERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/services/gate.h"

#define CONTAINERS_LABEL "proa.health"

/* What is remembered of one. */
struct containers_seen {
	char *name;
	bool healthy; /* it had a check, and passed it */
};

struct containers {
	struct containers_seen *before; /* of the last boot; what is expected still */
	size_t count;
	json_t *policies;    /* id → whether it has a restart policy */
	json_t *seen_ms;     /* id → since when each look has found it running */
	bool clock_was_set;  /* since Docker may have started them: it is wrong about their age */
	const json_t *known; /* borrowed names: failed before the upgrade already; or NULL */
	/*
	 * What is missing; what of it is known; and what runs, but its own check has yet to say
	 * whether it is well. "": nothing.
	 */
	char said[GATE_TEXT_MAX], known_said[GATE_TEXT_MAX], starting[GATE_TEXT_MAX];
};

/*
 * Judges the answer to /containers/json?all=1 of user Docker: fills `said`, `known_said` and
 * `starting`.
 *
 * now_ms   when it was given
 * waiting  the gate has not spoken: looks follow each other quickly, and all of them must have
 *          found a young container running for a while, since Docker's own word for its age
 *          counts from before it was made
 */
void containers_judge(struct containers *containers, const json_t *list, uint64_t now_ms,
		      bool waiting);

/*
 * The names of those that fail, whatever is expected of them: that do not run and are required,
 * are being started again, are unhealthy, or are young and have not run for a while (then
 * `young`: later looks may find that they do). Looks follow each other quickly; `containers` is
 * zeroed before the first one. NULL: out of memory.
 */
json_t *containers_failing(struct containers *containers, const json_t *list, uint64_t now_ms,
			   bool *young);

/*
 * The id of a running container of which it is not known yet whether it has a restart
 * policy (borrowed from the list), or NULL: ask /containers/ID/json for it.
 */
const char *containers_unknown(const struct containers *containers, const json_t *list);

/* Notes down what it says. Returns 0 or -ENOMEM. */
int containers_note(struct containers *containers, const char *id, const json_t *inspected);

/* It may have been changed since (`docker update`): containers_unknown asks for all of them. */
void containers_forget_policies(struct containers *containers);

/*
 * What is remembered for the next boot: lines "NAME" or "NAME healthy", of those with a
 * restart policy. The caller frees it; NULL: out of memory.
 */
char *containers_record(const struct containers *containers, const json_t *list);

/* Reads such lines; what is none is skipped. Returns 0 or -ENOMEM. */
int containers_read(struct containers *containers, const char *text);

/*
 * What is as it was is expected no more; what is not yet goes on to be. `waited`: the gate has only
 * just spoken, so that looks have followed each other quickly.
 */
void containers_settle(struct containers *containers, const json_t *list, uint64_t now_ms,
		       bool waited);

void containers_free(struct containers *containers);

#endif
