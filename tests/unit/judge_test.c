/* What the health gate asks of people's checks and containers. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/baseline.h"
#include "init/services/containers.h"
#include "init/services/health.h"
#include "lib/cleanup.h"
#include "tests/unit/support/scratch.h"

static void put_check(const char *name, const char *script, mode_t mode)
{
	scratch_put(name, script);
	assert_int_equal(chmod(name, mode), 0);
}

/* Steps until a round has ended; `now` goes on by 10 ms a step. */
static void run_round(struct health *health, uint64_t *now, uint64_t timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	for (int i = 0; i < 1000; i++) {
		health_step(health, *now, timeout_ms, true);
		if (!health->names)
			return;
		nanosleep(&pause, NULL);
		*now += 10;
	}
	fail_msg("the round does not end");
}

static void test_checks(void **state)
{
	struct health health;
	uint64_t now = 1000;

	(void)state;
	/* No folder, no checks: all is well. */
	health_init(&health, "none", "log");
	assert_non_null(strstr(health.said, "have not ended yet"));
	health_step(&health, now, 1000, true);
	assert_string_equal(health.said, "");
	health_end(&health);

	assert_int_equal(mkdir("d", 0755), 0);
	put_check("d/10-good", "#!/bin/sh\necho fine\n", 0755);
	put_check("d/20-bad", "#!/bin/sh\necho no disk >&2\n[ -e mended ]\n", 0755);
	put_check("d/30-hangs", "#!/bin/sh\n[ -e mended ] || sleep 100\n", 0755);
	put_check("d/40-killed", "#!/bin/sh\n[ -e mended ] || kill -9 $$\n", 0755);
	put_check("d/50-nothing", "#!/no/such/shell\n", 0755);
	put_check("d/60-data", "exit 1\n", 0644);
	put_check("d/70-backup~", "#!/bin/sh\nexit 1\n", 0755);
	put_check("d/.hidden", "#!/bin/sh\nexit 1\n", 0755);
	health_init(&health, "d", "log");
	run_round(&health, &now, 300);
	assert_string_equal(health.said, "check 20-bad failed (exit code 1); check 30-hangs took "
					 "too long; check 40-killed was killed; check 50-nothing "
					 "cannot be run");
	assert_int_equal(health.next_ms, now + HEALTH_AGAIN_MS);
	scratch_assert("log",
		       "$ d/10-good\nfine\n$ d/20-bad\nno disk\n$ d/30-hangs\n$ d/40-killed\n"
		       "$ d/50-nothing\nNo such file or directory\n");

	/* Not before its time; then anew, all of them. */
	health_step(&health, now + 10, 300, true);
	assert_null(health.names);
	scratch_put("mended", "");
	assert_int_equal(unlink("d/50-nothing"), 0);
	now += HEALTH_AGAIN_MS;
	run_round(&health, &now, 1000);
	assert_string_equal(health.said, "");
	/* That was the last one. */
	assert_int_equal(unlink("mended"), 0);
	now += 10 * HEALTH_LATER_MS;
	health_step(&health, now, 300, false);
	assert_null(health.names);
	health_end(&health);
}

/* Ended in the middle: nothing goes on running, nothing is lost. */
static void test_checks_end(void **state)
{
	struct health health;

	(void)state;
	assert_int_equal(mkdir("e", 0755), 0);
	put_check("e/slow", "#!/bin/sh\nsleep 100\n", 0755);
	health_init(&health, "e", "log");
	health_step(&health, 1000, 60000, true);
	assert_true(health.pid > 0);
	health_end(&health);
	assert_int_equal(health.pid, 0);
}

static bool failed(const struct health *health, const char *name)
{
	return baseline_has(health->failed, name);
}

/* What failed before the upgrade already is told apart, and goes on being asked. */
static void test_known_checks(void **state)
{
	json_t *known = json_pack("[s, s]", "20-bad", "40-gone");
	struct health health;
	uint64_t now = 1000;

	(void)state;
	assert_int_equal(mkdir("k", 0755), 0);
	put_check("k/10-worse", "#!/bin/sh\n[ -e better ]\n", 0755);
	put_check("k/20-bad", "#!/bin/sh\n[ -e good ]\n", 0755);
	health_init(&health, "k", "log");
	health.known = known;
	run_round(&health, &now, 1000);
	assert_string_equal(health.said, "check 10-worse failed (exit code 1)");
	assert_string_equal(health.known_said, "check 20-bad failed (exit code 1)");
	assert_true(failed(&health, "10-worse") && failed(&health, "20-bad"));
	scratch_put("better", "");
	now += HEALTH_AGAIN_MS;
	run_round(&health, &now, 1000);
	assert_string_equal(health.said, "");
	assert_string_equal(health.known_said, "check 20-bad failed (exit code 1)");
	assert_false(failed(&health, "10-worse") || health.passed);
	scratch_put("good", "");
	now += HEALTH_AGAIN_MS;
	run_round(&health, &now, 1000);
	assert_string_equal(health.known_said, "");
	assert_true(health.passed);
	health_end(&health);
	json_decref(known);
}

/* Once more, although all have passed; and a round that had begun before does not count. */
static void test_checks_again(void **state)
{
	struct health health;
	uint64_t now = 1000;
	unsigned wanted;

	(void)state;
	assert_int_equal(mkdir("g", 0755), 0);
	put_check("g/10-check", "#!/bin/sh\n[ ! -e broken ]\n", 0755);
	health_init(&health, "g", "log");
	run_round(&health, &now, 1000);
	assert_true(health.passed);
	scratch_put("broken", "");
	wanted = health_again(&health);
	assert_true(health.ended < wanted);
	run_round(&health, &now, 1000);
	assert_int_equal(health.ended, wanted);
	assert_true(failed(&health, "10-check"));

	now += HEALTH_LATER_MS;
	health_step(&health, now, 1000, false);
	assert_non_null(health.names);
	wanted = health_again(&health);
	assert_int_equal(unlink("broken"), 0);
	run_round(&health, &now, 1000);
	assert_int_equal(health.ended, wanted - 1);
	run_round(&health, &now, 1000);
	assert_int_equal(health.ended, wanted);
	assert_true(health.passed && !failed(&health, "10-check"));
	health_end(&health);
}

#define CONTAINER(name, state, status, labels)                                                     \
	"{\"Id\": \"id-" name "\", \"Names\": [\"/" name "\"], \"State\": \"" state                \
	"\", \"Status\": \"" status "\", \"Labels\": {" labels "}}"
#define REQUIRED "\"proa.health\": \"required\""
#define IGNORE   "\"proa.health\": \"ignore\""

static void assert_judged(const char *before, const char *list, const char *said)
{
	struct containers containers = {0};
	json_t *json = json_loads(list, 0, NULL);

	assert_non_null(json);
	assert_int_equal(containers_read(&containers, before), 0);
	containers_judge(&containers, json, 1000, false);
	if (strcmp(containers.said, said) != 0)
		fail_msg("%s: \"%s\" and not \"%s\"", list, containers.said, said);
	containers_free(&containers);
	json_decref(json);
}

static void test_containers(void **state)
{
	(void)state;
	assert_judged("", "[]", "");
	/* Gone altogether: a person has removed it. */
	assert_judged("web\n", "[]", "");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up 3 minutes", "") "]", "");
	assert_judged("web\n", "[" CONTAINER("web", "exited", "Exited (1)", "") "]",
		      "container web does not run");
	assert_judged("web\n", "[" CONTAINER("web", "restarting", "Restarting", "") "]",
		      "container web does not run");
	/* One that ends again and again runs for a moment each time. */
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up About a minute", "") "]", "");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up 59 seconds", "") "]",
		      "container web has only just started");
	assert_judged("", "[" CONTAINER("web", "running", "Up 10 seconds", REQUIRED) "]", "");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up 2 hours", "") "]", "");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up 9 seconds", "") "]",
		      "container web has only just started");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up 1 second", "") "]",
		      "container web has only just started");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up Less than a second", "") "]",
		      "container web has only just started");
	assert_judged("web healthy\n",
		      "[" CONTAINER("web", "running", "Up 3 seconds (healthy)", "") "]", "");
	/* It did not run before. */
	assert_judged("we\n", "[" CONTAINER("web", "exited", "Exited (1)", "") "]", "");
	/* Healthy where it had been. */
	assert_judged("web healthy\n",
		      "[" CONTAINER("web", "running", "Up 1 minute (unhealthy)", "") "]",
		      "container web is not healthy");
	assert_judged("web healthy\n",
		      "[" CONTAINER("web", "running", "Up 1 second (health: starting)", "") "]",
		      "container web has only just started");
	assert_judged("web healthy\n", "[" CONTAINER("web", "running", "Up (healthy)", "") "]", "");
	assert_judged("web\n", "[" CONTAINER("web", "running", "Up (unhealthy)", "") "]", "");
	/* Its check has been taken away. */
	assert_judged("web healthy\n", "[" CONTAINER("web", "running", "Up", "") "]", "");
	/* What a label says. */
	assert_judged("web\n", "[" CONTAINER("web", "exited", "Exited (1)", IGNORE) "]", "");
	assert_judged("", "[" CONTAINER("web", "exited", "Exited (1)", REQUIRED) "]",
		      "container web does not run");
	assert_judged("", "[" CONTAINER("web", "running", "Up (unhealthy)", REQUIRED) "]",
		      "container web is not healthy");
	assert_judged("a\nb\n",
		      "[" CONTAINER("a", "exited", "", "") "," CONTAINER("b", "dead", "", "") "]",
		      "container a does not run; container b does not run");
	/* What is none: nothing is expected, nothing breaks. */
	assert_judged("\n \nweb healt\n", "[{}, 3, {\"Names\": []}, {\"Names\": [\"web\"]}]",
		      "container web does not run");
}

/* Its first check may come minutes after its start: until then nobody knows. */
static void test_starting(void **state)
{
	json_t *known = json_pack("[s]", "known");
	json_t *list = json_loads(
		"[" CONTAINER("web", "running", "Up 2 minutes (health: starting)", "") "," CONTAINER(
			"job", "running", "Up 2 minutes (health: starting)",
			"") "," CONTAINER("known", "running", "Up 2 minutes (health: starting)",
					  REQUIRED) "]",
		0, NULL);
	struct containers containers = {.known = known};

	(void)state;
	assert_int_equal(containers_read(&containers, "web healthy\njob\nknown healthy\n"), 0);
	containers_judge(&containers, list, 1000, true);
	assert_string_equal(containers.said, "");
	assert_string_equal(containers.starting, "container web has not been found healthy yet");
	containers_free(&containers);
	json_decref(list);
	json_decref(known);
}

/* The clock was hours ahead or behind, and has been set: nothing is new, and nothing old. */
static void test_clock_that_is_set(void **state)
{
	static const char *const ages[] = {"Up Less than a second", "Up 3 hours"};

	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		struct containers containers = {.clock_was_set = true};
		json_t *list = json_pack("[{s:s, s:[s], s:s, s:s}]", "Id", "1", "Names", "/web",
					 "State", "running", "Status", ages[i]);

		assert_int_equal(containers_read(&containers, "web\n"), 0);
		containers_judge(&containers, list, 1000, true);
		assert_string_equal(containers.said, "container web has only just started");
		containers_judge(&containers, list, 11000, true);
		assert_string_equal(containers.said, "");
		containers_free(&containers);
		json_decref(list);
	}
}

static void test_known_containers(void **state)
{
	json_t *known = json_pack("[s]", "old");
	json_t *list = json_loads("[" CONTAINER("old", "exited", "", REQUIRED) "," CONTAINER(
					  "new", "exited", "", REQUIRED) "]",
				  0, NULL);
	struct containers containers = {.known = known};

	(void)state;
	containers_judge(&containers, list, 1000, true);
	assert_string_equal(containers.said, "container new does not run");
	assert_string_equal(containers.known_said, "container old does not run");
	containers_free(&containers);
	json_decref(list);
	json_decref(known);
}

/* Which fail now, whatever ran before. */
static void test_failing(void **state)
{
	static const struct {
		const char *state, *status, *labels;
		bool failing, young;
	} rows[] = {
		{"running", "Up 3 minutes", "", false, false},
		{"running", "Up 3 minutes (healthy)", "", false, false},
		{"running", "Up 3 minutes (health: starting)", REQUIRED, false, false},
		{"running", "Up 3 minutes (unhealthy)", "", true, false},
		{"running", "Up 3 minutes (unhealthy)", IGNORE, false, false},
		{"running", "Up 3 seconds", "", true, true},
		/* Docker counts from before it was made: nobody has seen it for that long. */
		{"running", "Up 22 seconds", "", true, true},
		{"running", "Up 3 seconds", IGNORE, false, false},
		{"running", "Up 3 seconds (healthy)", "", false, false},
		{"restarting", "Restarting (1) 1 second ago", "", true, false},
		/* A person has stopped it, or it has done its work. */
		{"exited", "Exited (0)", "", false, false},
		{"exited", "Exited (0)", REQUIRED, true, false},
		{"created", "Created", "", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct containers containers = {0};
		char text[256];
		json_t *list, *names;
		bool young;

		snprintf(text, sizeof(text), "[" CONTAINER("web", "%s", "%s", "%s") "]",
			 rows[i].state, rows[i].status, rows[i].labels);
		print_message("  %s\n", text);
		list = json_loads(text, 0, NULL);
		names = containers_failing(&containers, list, 1000, &young);
		assert_int_equal(baseline_has(names, "web"), rows[i].failing);
		assert_int_equal(young, rows[i].young);
		json_decref(names);
		/* Found again and again, a young one is well. */
		names = containers_failing(&containers, list, 11000, &young);
		assert_int_equal(baseline_has(names, "web"), rows[i].failing && !rows[i].young);
		assert_false(young);
		containers_free(&containers);
		json_decref(names);
		json_decref(list);
	}
}

/* While the gate waits, Docker's word for the age of a young one is not enough. */
static void test_seen_for_long(void **state)
{
	static const struct {
		uint64_t now_ms;
		const char *state, *status, *said;
	} looks[] = {
		{1000, "running", "Up 11 seconds", "container web has only just started"},
		{10999, "running", "Up 21 seconds", "container web has only just started"},
		{11000, "running", "Up 21 seconds", ""},
		/* It ended, and runs again: from here on anew. */
		{13000, "restarting", "Restarting (1) 1 second ago", "container web does not run"},
		{15000, "running", "Up 12 seconds", "container web has only just started"},
		{25000, "running", "Up 9 seconds", "container web has only just started"},
		{26000, "running", "Up 10 seconds", ""},
		/* One that ran all the while, or whose check has passed, needs no second look. */
		{28000, "exited", "Exited (1)", "container web does not run"},
		{30000, "running", "Up 3 minutes", ""},
		{32000, "exited", "Exited (1)", "container web does not run"},
		{34000, "running", "Up 1 second (healthy)", ""},
	};
	struct containers containers = {0};

	(void)state;
	assert_int_equal(containers_read(&containers, "web\n"), 0);
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		json_t *list = json_pack("[{s:s, s:[s], s:s, s:s}]", "Id", "1", "Names", "/web",
					 "State", looks[i].state, "Status", looks[i].status);

		containers_judge(&containers, list, looks[i].now_ms, true);
		print_message("  %s\n", looks[i].status);
		assert_string_equal(containers.said, looks[i].said);
		json_decref(list);
	}
	containers_free(&containers);
}

/*
 * One that ends again and again is met running when the gate has just spoken, and in later looks:
 * it goes on to be expected until it has run for a minute.
 */
static void test_back(void **state)
{
	static const struct {
		uint64_t now_ms;
		const char *state, *status;
		bool waited;
		size_t expected;
	} looks[] = {
		{1000, "restarting", "Restarting (1) 1 second ago", true, 1},
		{3000, "running", "Up 12 seconds", true, 1},
		{63000, "running", "Up 14 seconds", false, 1},
		{123000, "running", "Up About a minute", false, 0},
	};
	struct containers containers = {0};

	(void)state;
	assert_int_equal(containers_read(&containers, "web\n"), 0);
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		json_t *list = json_pack("[{s:s, s:[s], s:s, s:s}]", "Id", "1", "Names", "/web",
					 "State", looks[i].state, "Status", looks[i].status);

		containers_judge(&containers, list, looks[i].now_ms, looks[i].waited);
		assert_int_equal(containers.said[0] != '\0', looks[i].expected);
		containers_settle(&containers, list, looks[i].now_ms, looks[i].waited);
		assert_int_equal(containers.count, looks[i].expected);
		json_decref(list);
	}
	containers_free(&containers);
}

static void test_record(void **state)
{
	static const char list[] = "[" CONTAINER("web", "running", "Up (healthy)", "") "," CONTAINER(
		"db", "running", "Up",
		"") "," CONTAINER("job", "running", "Up",
				  "") "," CONTAINER("old", "exited", "",
						    "") "," CONTAINER("no", "running", "Up",
								      IGNORE) "," CONTAINER("new",
											    "runnin"
											    "g",
											    "Up 3 "
											    "second"
											    "s",
											    "") "]";
	static const char *const policies[][2] = {{"id-web", "always"},
						  {"id-db", "unless-stopped"},
						  {"id-job", "no"},
						  {"id-no", "always"},
						  {"id-new", "no"}};
	_cleanup_free_ char *text = NULL;
	struct containers containers = {0};
	json_t *json = json_loads(list, 0, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		json_t *inspected = json_pack("{s:{s:{s:s}}}", "HostConfig", "RestartPolicy",
					      "Name", policies[i][1]);

		assert_string_equal(containers_unknown(&containers, json), policies[i][0]);
		assert_int_equal(containers_note(&containers, policies[i][0], inspected), 0);
		json_decref(inspected);
	}
	assert_null(containers_unknown(&containers, json));
	text = containers_record(&containers, json);
	assert_string_equal(text, "web healthy\ndb\n");
	/* `docker update --restart` may have changed it meanwhile. */
	containers_forget_policies(&containers);
	assert_string_equal(containers_unknown(&containers, json), policies[0][0]);

	/* What has come back may be stopped by a person; what has not is expected still. */
	assert_int_equal(containers_read(&containers, "web healthy\ndb\nold\nnew\ngone\n"), 0);
	containers_settle(&containers, json, 1000, false);
	assert_int_equal(containers.count, 2);
	assert_string_equal(containers.before[0].name, "old");
	assert_string_equal(containers.before[1].name, "new");
	containers_free(&containers);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_checks_end),
		cmocka_unit_test(test_known_checks),
		cmocka_unit_test(test_checks_again),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_starting),
		cmocka_unit_test(test_clock_that_is_set),
		cmocka_unit_test(test_known_containers),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_seen_for_long),
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
