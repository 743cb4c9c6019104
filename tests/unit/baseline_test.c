/* What fails before a release is tried: taken in time, and bound to that release. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/baseline.h"
#include "lib/json.h"
#include "tests/unit/support/scratch.h"

enum { BEGAN = 1000, ROUND = 3 };

static struct baseline_taking taking;

static int begin(void **state)
{
	(void)state;
	baseline_begin(&taking, "abc", ROUND, BEGAN);
	return 0;
}

static int end(void **state)
{
	(void)state;
	baseline_end(&taking);
	unlink("baseline");
	return 0;
}

static void look_at(const char *status, uint64_t after_ms)
{
	_cleanup_json_ json_t *list = json_pack(
		"[{s:s, s:[s], s:s, s:s}]", "Id", "1", "Names", "/web", "State",
		strncmp(status, "Up", 2) == 0 ? "running" : "restarting", "Status", status);

	baseline_look(&taking, list, BEGAN + after_ms);
}

static void look(const char *status)
{
	look_at(status, 0);
}

static void step(unsigned ended, uint64_t after_ms)
{
	_cleanup_json_ json_t *failed = json_pack("[s, s]", "10-a", "20-b");

	baseline_step(&taking, "baseline", ended, failed, BEGAN + after_ms);
}

static void test_taken(void **state)
{
	struct baseline found;
	char text[64];

	(void)state;
	step(ROUND, 0); /* no look at the containers yet */
	look("Up 3 hours (unhealthy)");
	step(ROUND - 1, 0); /* the checks have not ended */
	assert_true(taking.active && !taking.taken);
	step(ROUND, 0);
	assert_true(!taking.active && taking.taken);
	baseline_read("baseline", "abc", &found);
	assert_true(baseline_has(found.checks, "10-a") && baseline_has(found.checks, "20-b"));
	assert_true(baseline_has(found.containers, "web"));
	assert_false(baseline_has(found.checks, "10") || baseline_has(found.checks, "web"));
	baseline_print(&found, text, sizeof(text));
	assert_string_equal(text, "check 10-a; check 20-b; container web");
	baseline_print(&found, text, 9);
	assert_string_equal(text, "check 10");
	baseline_free(&found);
	/* Of another release, nothing is known. */
	baseline_read("baseline", "abcd", &found);
	assert_null(found.checks);
	assert_false(baseline_has(found.checks, "10-a"));
	baseline_print(&found, text, sizeof(text));
	assert_string_equal(text, "");
	baseline_free(&found);
}

/* One that has just started has a while to go on; one that starts again and again fails. */
static void test_young(void **state)
{
	(void)state;
	look("Up 12 seconds");
	step(ROUND, 0);
	step(ROUND, BASELINE_YOUNG_MS - 1);
	assert_true(taking.active);
	look_at("Up 22 seconds", 10000);
	step(ROUND, 10000);
	assert_true(taking.taken);
	assert_false(baseline_has(taking.last.containers, "web"));

	baseline_begin(&taking, "abc", ROUND, BEGAN);
	assert_true(taking.active && !taking.taken);
	look("Up 2 seconds");
	look_at("Restarting (1) 1 second ago", 9000);
	look_at("Up 11 seconds", 11000);
	step(ROUND, BASELINE_YOUNG_MS - 1);
	assert_true(taking.active);
	step(ROUND, BASELINE_YOUNG_MS);
	assert_true(taking.taken && baseline_has(taking.last.containers, "web"));
}

static void test_not_taken(void **state)
{
	(void)state;
	look("Up 3 hours");
	baseline_expire(&taking, BEGAN + 4999, 5000);
	assert_true(taking.active);
	baseline_expire(&taking, BEGAN + 5000, 5000);
	assert_int_equal(taking.err.code, -ETIMEDOUT);
	step(ROUND, 5000); /* too late */
	assert_true(!taking.active && !taking.taken);

	/* A file that cannot be written is said. */
	begin(NULL);
	assert_int_equal(mkdir("baseline.new", 0755), 0);
	look("Up 3 hours");
	step(ROUND, 0);
	assert_true(!taking.active && !taking.taken);
	assert_int_equal(taking.err.code, -EISDIR);
	assert_int_equal(rmdir("baseline.new"), 0);
}

/* The file may hold anything. */
static void test_hostile(void **state)
{
	static const char *const texts[] = {
		"",
		"rubbish",
		"[]",
		"{}",
		"{\"release\": 7}",
		"{\"release\": \"abc\"}",
		"{\"release\": \"abc\", \"checks\": 7, \"containers\": \"10-a\"}",
		"{\"release\": \"abc\", \"checks\": [7, [\"10-a\"], null, {\"10-a\": 1}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct baseline found;
		char text[64];

		scratch_put("baseline", texts[i]);
		baseline_read("baseline", "abc", &found);
		assert_false(baseline_has(found.checks, "10-a"));
		assert_false(baseline_has(found.containers, "10-a"));
		baseline_print(&found, text, sizeof(text));
		baseline_free(&found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, begin, end),
		cmocka_unit_test_setup_teardown(test_young, begin, end),
		cmocka_unit_test_setup_teardown(test_not_taken, begin, end),
		cmocka_unit_test_setup_teardown(test_hostile, begin, end),
	};

	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
