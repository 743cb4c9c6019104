/* The event table of the flip block: what each event writes, and when it is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bootloader/rules.h"

/* Facts, as bits, so that a row stays one line. R is slot a in every row. */
enum {
	GATE = 1,
	SETTLED = 2,
	CONDEMNED = 4,
	FELLBACK = 8,
	LASTRESORT = 16,
	PERSON = 32,
	X_VERIFIES = 64,
	OFFLINE = 128,
	R_VERIFIES = 256,
};

static struct rules_facts facts_of(unsigned int bits)
{
	return (struct rules_facts){
		.running = FLIP_SLOT_A,
		.gate_passed = bits & GATE,
		.settled = bits & SETTLED,
		.condemned = bits & CONDEMNED,
		.fellback = bits & FELLBACK,
		.lastresort = bits & LASTRESORT,
		.person = bits & PERSON,
		.other_verifies = bits & X_VERIFIES,
		.offline = bits & OFFLINE,
		.running_verifies = bits & R_VERIFIES,
	};
}

static const struct {
	const char *name;
	enum rules_event event;
	unsigned int facts;
	const char *before, *after; /* without tok; `after` NULL: refused */
} rows[] = {
	{"upgrade: settled", RULES_UPGRADE_BEGINS, GATE | SETTLED, "a,4,1,2,1,a", "a,4,1,0,0,a"},
	{"upgrade: takes a pending flip back", RULES_UPGRADE_BEGINS, GATE | SETTLED, "b,0,1,2,0,a",
	 "a,1,1,0,0,a"},
	{"upgrade: unattended, not settled", RULES_UPGRADE_BEGINS, GATE, "a,4,1,2,1,a", NULL},
	{"upgrade: a person needs the gate only", RULES_UPGRADE_BEGINS, GATE | PERSON,
	 "a,3,0,2,1,a", "a,3,0,0,0,a"},
	{"upgrade: a person before the gate", RULES_UPGRADE_BEGINS, PERSON, "a,3,0,2,1,a", NULL},
	{"upgrade: condemned", RULES_UPGRADE_BEGINS, GATE | SETTLED | CONDEMNED | PERSON,
	 "b,0,0,2,1,a", NULL},
	{"upgrade: offline, R verifies", RULES_UPGRADE_BEGINS, OFFLINE | R_VERIFIES | PERSON,
	 "a,4,0,0,0,a", "a,4,0,0,0,a"},
	{"upgrade: offline, R does not", RULES_UPGRADE_BEGINS, OFFLINE | PERSON, "a,4,0,0,0,a",
	 NULL},

	{"flip: settled and written", RULES_FLIP, GATE | SETTLED | X_VERIFIES, "a,4,1,0,0,a",
	 "b,4,1,2,0,a"},
	{"flip: R gets an attempt", RULES_FLIP, GATE | SETTLED | X_VERIFIES, "a,0,1,0,0,a",
	 "b,1,1,2,0,a"},
	{"flip: X does not verify", RULES_FLIP, GATE | SETTLED, "a,4,1,0,0,a", NULL},
	{"flip: not settled", RULES_FLIP, GATE | X_VERIFIES, "a,4,1,0,0,a", NULL},
	{"flip: offline", RULES_FLIP, OFFLINE | R_VERIFIES | X_VERIFIES | PERSON, "a,4,0,0,0,a",
	 "b,4,0,2,0,a"},

	{"gate: R becomes primary", RULES_GATE_PASSED, 0, "b,1,0,0,0,a", "a,1,0,0,0,a"},
	{"gate: R is primary", RULES_GATE_PASSED, 0, "a,3,0,0,0,a", "a,3,0,0,0,a"},
	{"gate: a flip is pending", RULES_GATE_PASSED, 0, "b,3,1,2,0,a", "b,3,1,2,0,a"},
	{"gate: fell back from a good one", RULES_GATE_PASSED, FELLBACK, "b,3,1,0,1,a",
	 "b,3,1,1,0,a"},
	{"gate: fell back from a new one", RULES_GATE_PASSED, FELLBACK, "b,3,1,0,0,a",
	 "a,3,1,0,0,a"},
	{"gate: last resort past a good one", RULES_GATE_PASSED, LASTRESORT, "b,0,1,0,1,b",
	 "a,0,1,0,1,b"},
	{"gate: once a boot", RULES_GATE_PASSED, GATE, "b,1,0,0,0,a", NULL},
	{"gate: condemned", RULES_GATE_PASSED, CONDEMNED, "b,0,0,2,1,a", NULL},
	{"gate: offline", RULES_GATE_PASSED, OFFLINE | R_VERIFIES, "b,1,0,0,0,a", NULL},

	{"settled", RULES_SETTLED, GATE, "a,1,0,0,0,b", "a,4,1,0,0,a"},
	{"settled: a pending flip stays", RULES_SETTLED, GATE, "b,1,0,2,0,b", "b,4,1,2,0,a"},
	{"settled: before the gate", RULES_SETTLED, 0, "a,1,0,0,0,b", NULL},
	{"settled: condemned", RULES_SETTLED, GATE | CONDEMNED, "b,0,0,2,1,b", NULL},

	{"roll back", RULES_ROLL_BACK, X_VERIFIES | PERSON, "a,4,1,0,1,a", "b,4,1,2,1,a"},
	{"roll back: R gets an attempt", RULES_ROLL_BACK, X_VERIFIES | PERSON, "a,0,1,0,1,a",
	 "b,1,1,2,1,a"},
	{"roll back: more attempts become two", RULES_ROLL_BACK, X_VERIFIES | PERSON, "a,4,1,4,1,a",
	 "b,4,1,2,1,a"},
	{"roll back: X does not verify", RULES_ROLL_BACK, PERSON, "a,4,1,0,1,a", NULL},
	{"roll back: a flip is pending", RULES_ROLL_BACK, X_VERIFIES | PERSON, "b,4,1,2,0,a", NULL},
	{"roll back: offline, R does not verify", RULES_ROLL_BACK, OFFLINE | X_VERIFIES | PERSON,
	 "a,4,1,0,1,a", NULL},

	{"cancel", RULES_CANCEL, PERSON, "b,0,1,2,0,a", "a,1,1,0,0,a"},
	{"cancel: what has settled before is left for a fall back", RULES_CANCEL, PERSON,
	 "b,0,1,2,1,a", "a,1,1,2,1,a"},
	{"cancel: nothing is pending", RULES_CANCEL, PERSON, "a,4,1,2,0,a", NULL},
	{"cancel: spent already", RULES_CANCEL, PERSON, "b,4,1,0,0,a", NULL},

	{"mark X bad", RULES_MARK_OTHER_BAD, PERSON, "b,0,1,3,1,a", "a,1,1,0,0,a"},
	{"mark X bad: condemned too", RULES_MARK_OTHER_BAD, PERSON | CONDEMNED, "b,0,0,3,1,a",
	 "a,1,0,0,0,a"},

	{"mark R bad", RULES_MARK_RUNNING_BAD, PERSON | X_VERIFIES, "a,4,1,0,1,a", "b,0,0,2,1,a"},
	{"mark R bad: X has more left", RULES_MARK_RUNNING_BAD, PERSON | X_VERIFIES, "a,4,1,3,1,a",
	 "b,0,0,3,1,a"},
	{"mark R bad: X never settled", RULES_MARK_RUNNING_BAD, PERSON | X_VERIFIES, "a,4,1,2,0,a",
	 NULL},
	{"mark R bad: X does not verify", RULES_MARK_RUNNING_BAD, PERSON, "a,4,1,2,1,a", NULL},

	{"root error", RULES_ROOT_ERROR, 0, "a,4,1,1,1,a", "b,0,1,2,1,a"},
	{"root error: X never settled", RULES_ROOT_ERROR, 0, "a,4,1,1,0,a", NULL},

	{"impatient", RULES_IMPATIENT_REBOOT, PERSON, "a,3,1,1,0,a", "a,4,1,1,0,a"},
	{"impatient: nine is the most", RULES_IMPATIENT_REBOOT, PERSON, "a,9,1,1,0,a",
	 "a,9,1,1,0,a"},
	{"impatient: not a person", RULES_IMPATIENT_REBOOT, 0, "a,3,1,1,0,a", NULL},
	{"impatient: after the gate", RULES_IMPATIENT_REBOOT, PERSON | GATE, "a,3,1,1,0,a", NULL},
};

static struct flip flip_of(const char *text)
{
	char full[FLIP_TEXT_SIZE];
	struct flip flip;

	snprintf(full, sizeof(full), "%s,123456", text);
	assert_int_equal(flip_from_text(full, &flip), 0);
	return flip;
}

/* The same with the slots' names exchanged: no rule prefers one. */
static struct flip swapped(struct flip flip)
{
	struct flip_slot_state first = flip.slots[0];

	flip.slots[0] = flip.slots[1];
	flip.slots[1] = first;
	flip.primary = flip_other(flip.primary);
	flip.turn = flip_other(flip.turn);
	return flip;
}

static void check_row(size_t i, bool swap)
{
	struct flip before = flip_of(rows[i].before);
	struct rules_facts facts = facts_of(rows[i].facts);
	struct rules_outcome outcome;
	struct error err = ERROR_INIT;
	int r;

	if (swap) {
		before = swapped(before);
		facts.running = FLIP_SLOT_B;
	}
	r = rules_apply(rows[i].event, &before, &facts, &outcome, &err);
	if (rows[i].after) {
		struct flip after = flip_of(rows[i].after);
		char text[FLIP_TEXT_SIZE];

		if (swap)
			after = swapped(after);
		if (r < 0)
			fail_msg("%s: %s", rows[i].name, err.message);
		flip_text(&outcome.block, text);
		if (!flip_equal(&outcome.block, &after))
			fail_msg("%s: wrote %s", rows[i].name, text);
		assert_int_equal(outcome.changed, !flip_equal(&before, &after));
	} else {
		if (r != -EPERM)
			fail_msg("%s: not refused", rows[i].name);
		assert_non_null(strstr(err.message, "refused: "));
	}
}

static void test_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_row(i, false);
		check_row(i, true);
	}
}

static void test_warning(void **state)
{
	struct rules_facts facts = facts_of(GATE | PERSON);
	struct flip flip = flip_of("a,4,0,0,0,a");
	struct rules_outcome outcome;

	(void)state;
	assert_int_equal(rules_apply(RULES_UPGRADE_BEGINS, &flip, &facts, &outcome, NULL), 0);
	assert_non_null(outcome.warning);
	flip = flip_of("a,4,1,0,0,a");
	assert_int_equal(rules_apply(RULES_UPGRADE_BEGINS, &flip, &facts, &outcome, NULL), 0);
	assert_null(outcome.warning);
}

static void test_repair(void **state)
{
	static const struct {
		const char *name, *block, *mirror;
		unsigned int facts;
		const char *after;
		bool changed;
	} repairs[] = {
		{"both whole", "a,3,0,0,0,a", "a,4,0,0,0,a", 0, "a,3,0,0,0,a", false},
		{"mirror damaged", "a,3,0,0,0,a", NULL, 0, "a,3,0,0,0,a", true},
		{"block damaged: less this boot", NULL, "a,4,1,2,0,a", 0, "a,3,1,2,0,a", true},
		{"block damaged: none to take", NULL, "b,0,1,2,0,a", FELLBACK, "b,0,1,2,0,a", true},
		{"block damaged: a last resort's turn", NULL, "b,0,1,0,0,a", LASTRESORT,
		 "b,0,1,0,0,b", true},
		{"neither", NULL, NULL, 0, "a,1,0,1,0,b", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(repairs) / sizeof(repairs[0]); i++) {
		struct rules_facts facts = facts_of(repairs[i].facts);
		struct flip block, mirror, after = flip_of(repairs[i].after);
		struct rules_outcome outcome;

		if (repairs[i].block)
			block = flip_of(repairs[i].block);
		if (repairs[i].mirror)
			mirror = flip_of(repairs[i].mirror);
		rules_repair(repairs[i].block ? &block : NULL, repairs[i].mirror ? &mirror : NULL,
			     &facts, &outcome);
		if (!repairs[i].block && !repairs[i].mirror)
			memcpy(outcome.block.tok, after.tok, sizeof(after.tok));
		if (!flip_equal(&outcome.block, &after) || outcome.changed != repairs[i].changed)
			fail_msg("%s", repairs[i].name);
	}
}

static void test_without_clock(void **state)
{
	struct flip flip = flip_of("b,1,0,1,0,a");
	struct rules_boot boot = {.block = &flip, .readable = {true, true}, .tok = "000000"};
	struct rules_choice choice;

	(void)state;
	/* tests/system/test_grub_table.py has all rows that a clock can reach. */
	rules_grub_choose(&boot, &choice);
	assert_true(choice.slot == FLIP_SLOT_B && choice.unsaved && !choice.lastresort);
	flip = flip_of("b,0,0,0,0,a");
	rules_grub_choose(&boot, &choice);
	assert_true(choice.slot == FLIP_SLOT_B && choice.unsaved && choice.lastresort);
	boot.block = NULL;
	rules_grub_choose(&boot, &choice);
	assert_true(choice.slot == FLIP_SLOT_A && choice.unsaved && !choice.known);
	assert_int_equal(rules_next_slot(NULL, &flip), FLIP_SLOT_A);
	flip = flip_of("b,1,0,0,0,a");
	assert_int_equal(rules_next_slot(NULL, &flip), FLIP_SLOT_A);
	flip = flip_of("b,1,0,1,0,a");
	assert_int_equal(rules_next_slot(NULL, &flip), FLIP_SLOT_B);
}

static void test_unknown_event(void **state)
{
	struct rules_facts facts = facts_of(GATE);
	struct flip flip = flip_of("a,4,0,0,0,a");
	struct rules_outcome outcome;

	(void)state;
	assert_int_equal(rules_apply(RULES_EVENTS, &flip, &facts, &outcome, NULL), -EINVAL);
	assert_int_equal(rules_apply(RULES_REPAIR, &flip, &facts, &outcome, NULL), -EINVAL);
	assert_string_equal(rules_event_name(RULES_EVENTS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),        cmocka_unit_test(test_warning),
		cmocka_unit_test(test_repair),        cmocka_unit_test(test_without_clock),
		cmocka_unit_test(test_unknown_event),
	};

	return cmocka_run_group_tests_name("flip rules", tests, NULL, NULL);
}
