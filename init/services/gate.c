#include "init/services/gate.h"

#include <stdio.h>
#include <string.h>

static void add(char *text, const char *what)
{
	size_t used = strlen(text);

	snprintf(text + used, GATE_TEXT_MAX - used, "%s%s", used ? "; " : "", what);
}

/* A copy that is given up begins anew in the next boot: no release would ever pass. */
static bool is_late(const struct gate_facts *facts)
{
	uint64_t longer =
		facts->copying_ms < GATE_COPYING_MAX_MS ? facts->copying_ms : GATE_COPYING_MAX_MS;

	return facts->now_ms >= facts->mounted_ms &&
	       facts->now_ms - facts->mounted_ms >= facts->deadline_ms + longer;
}

void gate_judge(struct gate *gate, const struct gate_facts *facts)
{
	char vital[GATE_TEXT_MAX] = "", rest[GATE_TEXT_MAX] = "";
	bool late = is_late(facts), starting = facts->starting && facts->starting[0];

	if (!facts->state_mounted)
		add(vital, "the state partition is not mounted read-write");
	if (!facts->system_answers)
		add(vital, "System Docker does not answer");
	if (!facts->user_answers)
		add(rest, "user Docker does not answer");
	if (facts->services[0])
		add(rest, facts->services);
	if (facts->people[0])
		add(rest, facts->people);

	gate->degraded[0] = '\0';
	if (vital[0])
		add(gate->degraded, vital);
	if (rest[0])
		add(gate->degraded, rest);

	if (gate->verdict == GATE_OPEN) {
		bool fails = vital[0] || (rest[0] && !facts->slot_good);

		if (late ? !fails : !gate->degraded[0] && !starting) {
			gate->verdict = GATE_PASSED;
		} else if (late) {
			gate->verdict = GATE_FAILED;
			memcpy(gate->failed, gate->degraded, sizeof(gate->failed));
		}
	}
	if (gate->verdict == GATE_OPEN && starting)
		add(gate->degraded, facts->starting);
	if (facts->remarks[0])
		add(gate->degraded, facts->remarks);
}
