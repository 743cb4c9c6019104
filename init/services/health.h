/*
 * The user's own checks: programs in /var/lib/proa/health.d, run one after the other in the
 * order of their names when user Docker answers. Exit code 0: all is well.
 */
#ifndef PROA_INIT_SERVICES_HEALTH_H
#define PROA_INIT_SERVICES_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/services/gate.h"

enum {
	HEALTH_AGAIN_MS = 5000,  /* after a round in which one failed, while the gate waits */
	HEALTH_LATER_MS = 60000, /* the same later */
};

struct health {
	const char *folder, *log;
	char **names; /* of this round */
	size_t count, at;
	pid_t pid; /* of names[at]; 0: none runs */
	uint64_t began_ms, next_ms;
	bool killed, passed;
	bool again;          /* another round, whatever this one says */
	unsigned ended;      /* rounds */
	const json_t *known; /* borrowed names: these failed before the upgrade already; or NULL */
	/* Collected in this round, and of the last whole one; "": all is well. */
	char failing[GATE_TEXT_MAX], said[GATE_TEXT_MAX];
	char known_failing[GATE_TEXT_MAX], known_said[GATE_TEXT_MAX]; /* of the known ones */
	json_t *names_failing, *failed;                               /* of both kinds */
};

/* `said` tells until the first round has ended that it has not. */
void health_init(struct health *health, const char *folder, const char *log);

/*
 * Starts, watches and ends checks; never waits. A round in which all passed is the last one.
 *
 * timeout_ms  for each of them: then it is killed, and has failed
 * waiting     the gate has not spoken yet
 */
void health_step(struct health *health, uint64_t now, uint64_t timeout_ms, bool waiting);

/* Has them run once more, whether they have passed or not: the number of the round to wait for. */
unsigned health_again(struct health *health);

/* Kills what runs, and frees. */
void health_end(struct health *health);

#endif
