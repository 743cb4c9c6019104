/*
 * The health gate's verdict (DESIGN §7), from facts alone.
 *
 * A slot that is not good yet passes when everything runs. For one that has
 * been good only the state partition and System Docker decide; the rest is
 * reported as degraded and never takes the machine back to an older release.
 */
#ifndef PROA_INIT_SERVICES_GATE_H
#define PROA_INIT_SERVICES_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GATE_TEXT_MAX = 512,
	GATE_COPYING_MAX_MS = 4 * 60 * 1000, /* PID 1 waits 5 minutes behind the deadline */
};

enum gate_verdict { GATE_OPEN, GATE_PASSED, GATE_FAILED };

struct gate_facts {
	uint64_t now_ms;
	uint64_t mounted_ms; /* when the state partition was: the deadline counts from there */
	uint64_t deadline_ms;
	uint64_t copying_ms; /* of that time user Docker's data took: it waits so much longer */
	bool slot_good;
	bool state_mounted; /* read-write, from the disk */
	bool system_answers;
	bool user_answers;
	const char *services; /* required ones that don't run, with their reasons; "": none */
	const char *people;   /* containers and checks of people's that fail; "": none */
	const char *starting; /* containers of which nobody knows yet: no reason to fail; or NULL */
	const char *remarks;  /* what a person should look at, and no release is to blame for */
};

struct gate {
	enum gate_verdict verdict;
	char failed[GATE_TEXT_MAX];   /* GATE_FAILED: why */
	char degraded[GATE_TEXT_MAX]; /* what is wrong now; "": nothing */
};

/* Judges anew. A verdict that has been given stays; `degraded` follows the facts. */
void gate_judge(struct gate *gate, const struct gate_facts *facts);

#endif
