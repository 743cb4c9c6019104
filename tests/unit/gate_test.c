/* The health gate's verdict (DESIGN §7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/services/gate.h"

enum { GATE_DEADLINE_MS = 300000 };

static void test_verdicts(void **state)
{
	enum { LATE = GATE_DEADLINE_MS, EARLY = GATE_DEADLINE_MS - 1 };
	static const struct {
		const char *rule;
		uint64_t after_ms;
		bool good, mounted, system, user;
		const char *services;
		enum gate_verdict verdict;
		const char *says; /* in `failed`, or in `degraded` where it has not failed */
		const char *people;
	} rows[] = {
		{"a check of a person's fails, in time", EARLY, false, true, true, true, "",
		 GATE_OPEN, "check a", "check a failed"},
		{"a check of a person's fails, late", LATE, false, true, true, true, "",
		 GATE_FAILED, "check a", "check a failed"},
		{"good slot: it only degrades", LATE, true, true, true, true, "", GATE_PASSED,
		 "check a", "check a failed"},
		{"all runs", 1, false, true, true, true, "", GATE_PASSED, "", NULL},
		{"all runs, late", LATE, false, true, true, true, "", GATE_PASSED, "", NULL},
		{"a service is missing, in time", EARLY, false, true, true, true, "service a",
		 GATE_OPEN, "service a", NULL},
		{"a service is missing, late", LATE, false, true, true, true, "service a",
		 GATE_FAILED, "service a", NULL},
		{"user Docker is missing, late", LATE, false, true, true, false, "", GATE_FAILED,
		 "user Docker does not answer", NULL},
		{"no state, late", LATE, false, false, true, true, "", GATE_FAILED,
		 "state partition", NULL},
		{"good slot: services only degrade", LATE, true, true, true, false, "service a",
		 GATE_PASSED, "user Docker does not answer; service a", NULL},
		{"good slot: in time it waits all the same", EARLY, true, true, true, false, "",
		 GATE_OPEN, "user Docker", NULL},
		{"good slot: System Docker decides", LATE, true, true, false, false, "",
		 GATE_FAILED, "System Docker does not answer; user Docker", NULL},
		{"good slot: the state partition decides", LATE, true, false, true, true, "",
		 GATE_FAILED, "state partition", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gate gate = {0};
		struct gate_facts facts = {
			.now_ms = 5000 + rows[i].after_ms,
			.mounted_ms = 5000,
			.deadline_ms = GATE_DEADLINE_MS,
			.people = rows[i].people ? rows[i].people : "",
			.slot_good = rows[i].good,
			.state_mounted = rows[i].mounted,
			.system_answers = rows[i].system,
			.user_answers = rows[i].user,
			.services = rows[i].services,
			.remarks = "",
		};

		print_message("  %s\n", rows[i].rule);
		gate_judge(&gate, &facts);
		assert_int_equal(gate.verdict, rows[i].verdict);
		assert_non_null(strstr(gate.verdict == GATE_FAILED ? gate.failed : gate.degraded,
				       rows[i].says));
		assert_int_equal(gate.failed[0] != '\0', gate.verdict == GATE_FAILED);
	}
}

static void test_a_verdict_stays(void **state)
{
	struct gate_facts facts = {.now_ms = 10,
				   .mounted_ms = 0,
				   .deadline_ms = GATE_DEADLINE_MS,
				   .people = "",
				   .state_mounted = true,
				   .system_answers = true,
				   .user_answers = true,
				   .services = "",
				   .remarks = ""};
	struct gate gate = {0};

	(void)state;
	gate_judge(&gate, &facts);
	assert_int_equal(gate.verdict, GATE_PASSED);
	facts.now_ms = 10 * GATE_DEADLINE_MS;
	facts.user_answers = false;
	gate_judge(&gate, &facts);
	assert_int_equal(gate.verdict, GATE_PASSED);
	assert_string_equal(gate.degraded, "user Docker does not answer");
	facts.user_answers = true;
	gate_judge(&gate, &facts);
	assert_string_equal(gate.degraded, "");
}

/* The time in which Docker's data were copied is added, but not without end. */
static void test_copying(void **state)
{
	static const struct {
		uint64_t copying_ms, after_ms;
		enum gate_verdict verdict;
	} rows[] = {
		{0, GATE_DEADLINE_MS, GATE_FAILED},
		{5000, GATE_DEADLINE_MS + 4999, GATE_OPEN},
		{5000, GATE_DEADLINE_MS + 5000, GATE_FAILED},
		{UINT64_MAX, GATE_DEADLINE_MS + GATE_COPYING_MAX_MS - 1, GATE_OPEN},
		{UINT64_MAX, GATE_DEADLINE_MS + GATE_COPYING_MAX_MS, GATE_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gate gate = {0};
		struct gate_facts facts = {.now_ms = 5000 + rows[i].after_ms,
					   .mounted_ms = 5000,
					   .deadline_ms = GATE_DEADLINE_MS,
					   .copying_ms = rows[i].copying_ms,
					   .state_mounted = true,
					   .system_answers = true,
					   .services = "",
					   .people = "",
					   .remarks = ""};

		gate_judge(&gate, &facts);
		if (gate.verdict != rows[i].verdict)
			fail_msg("row %zu: %d", i, (int)gate.verdict);
	}
}

/* What nobody knows yet is waited for, and condemns nobody. */
static void test_starting(void **state)
{
	struct gate_facts facts = {.now_ms = GATE_DEADLINE_MS - 1,
				   .deadline_ms = GATE_DEADLINE_MS,
				   .people = "",
				   .starting = "container web",
				   .state_mounted = true,
				   .system_answers = true,
				   .user_answers = true,
				   .services = "",
				   .remarks = ""};
	struct gate gate = {0}, other = {0};

	(void)state;
	gate_judge(&gate, &facts);
	assert_int_equal(gate.verdict, GATE_OPEN);
	assert_string_equal(gate.degraded, "container web");
	facts.now_ms++;
	gate_judge(&gate, &facts);
	assert_int_equal(gate.verdict, GATE_PASSED);
	assert_string_equal(gate.degraded, "");
	/* Beside something that has failed it is not the reason. */
	facts.services = "service a";
	gate_judge(&other, &facts);
	assert_int_equal(other.verdict, GATE_FAILED);
	assert_string_equal(other.failed, "service a");
}

/* A typo in a file is no reason to leave a release. */
static void test_remarks(void **state)
{
	struct gate_facts facts = {.now_ms = GATE_DEADLINE_MS,
				   .deadline_ms = GATE_DEADLINE_MS,
				   .people = "",
				   .state_mounted = true,
				   .system_answers = true,
				   .user_answers = true,
				   .services = "",
				   .remarks = "a typo"};
	struct gate gate = {0};

	(void)state;
	gate_judge(&gate, &facts);
	assert_int_equal(gate.verdict, GATE_PASSED);
	assert_string_equal(gate.degraded, "a typo");
	facts.user_answers = false;
	gate_judge(&gate, &facts);
	assert_string_equal(gate.degraded, "user Docker does not answer; a typo");
}

/* Reasons longer than the room are cut, not written past it. */
static void test_long_reasons(void **state)
{
	char services[GATE_TEXT_MAX];
	struct gate_facts facts = {.now_ms = GATE_DEADLINE_MS,
				   .deadline_ms = GATE_DEADLINE_MS,
				   .services = services,
				   .people = services,
				   .remarks = services};
	struct gate gate = {0};

	(void)state;
	memset(services, 'x', sizeof(services) - 1);
	services[sizeof(services) - 1] = '\0';
	gate_judge(&gate, &facts);
	assert_int_equal(gate.verdict, GATE_FAILED);
	assert_int_equal(strlen(gate.failed), GATE_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_copying),
		cmocka_unit_test(test_starting),
		cmocka_unit_test(test_a_verdict_stays),
		cmocka_unit_test(test_remarks),
		cmocka_unit_test(test_long_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
