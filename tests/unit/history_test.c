/* What `proa history` reads, and what it makes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bootloader/flipfs.h"
#include "init/services/duration.h"
#include "init/services/history.h"
#include "init/services/history_file.h"
#include "init/services/history_unseen.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/io.h"
#include "lib/upgrades.h"

#define GOOD                                                                                       \
	"boot=7 time=1790000000 uptime=61 slot=b version=2026.11.0 stage=3 end=0 fellback=1 "      \
	"lastresort=0 degraded=1 flip=a,0,1,1,0,a,101112 text=reset, last = heartbeat\n"

static void test_boot(void **state)
{
	static const char text[] = GOOD "\t<6>[ 1.0] one\n\t\ttwo\n" GOOD;
	_cleanup_history_file_ struct history_file file = {0};
	const struct history_boot *boot;

	(void)state;
	assert_int_equal(history_file_parse(text, sizeof(text) - 1, &file, NULL), 0);
	assert_int_equal(file.count, 2);
	assert_int_equal(file.damaged, 0);
	boot = &file.boots[0];
	assert_int_equal(boot->number, 7);
	assert_int_equal(boot->time, 1790000000);
	assert_int_equal(boot->uptime_s, 61);
	assert_int_equal(boot->slot, 'b');
	assert_int_equal(boot->stage, BOOTLOG_STATE);
	assert_int_equal(boot->end, BOOTLOG_RUNNING);
	assert_true(boot->fellback && !boot->lastresort && boot->degraded);
	assert_string_equal(boot->version, "2026.11.0");
	assert_string_equal(boot->flip, "a,0,1,1,0,a,101112");
	assert_string_equal(boot->text, "reset, last = heartbeat");
	assert_int_equal(boot->line_count, 2);
	assert_string_equal(boot->lines, "<6>[ 1.0] one");
	assert_string_equal(boot->lines + strlen(boot->lines) + 1, " two");
	assert_int_equal(file.boots[1].line_count, 0);
}

/* Each input stands in testdata/histories, where the fuzz target has it too. */
static void test_hostile(void **state)
{
	static const struct {
		const char *name;
		size_t boots, damaged;
	} rows[] = {
		{"empty", 0, 0},
		{"good", 4, 0},
		{"blank-lines", 4, 2},
		{"cut", 3, 1},
		{"zeros-behind", 4, 1},
		{"torn-then-more", 3, 1},
		{"nul-in-line", 3, 1},
		{"lines-first", 4, 1},
		{"too-many-lines", 2, 10},
		{"limits", 1, 0},
		{"past-limits", 0, 14},
		{"escapes", 1, 0},
		{"carriage-returns", 4, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_history_file_ struct history_file file = {0};
		_cleanup_free_ char *bytes = NULL;
		char path[64];
		size_t size;

		print_message("  %s\n", rows[i].name);
		snprintf(path, sizeof(path), "testdata/histories/%s", rows[i].name);
		assert_int_equal(io_read_file(path, 1 << 20, &bytes, &size, NULL), 0);
		assert_int_equal(history_file_parse(bytes, size, &file, NULL), 0);
		assert_int_equal(file.count, rows[i].boots);
		assert_int_equal(file.damaged, rows[i].damaged);
		if (strcmp(rows[i].name, "escapes") == 0)
			assert_string_equal(file.boots[0].text, "stage 2 failed: ?[2J????");
	}
}

static void test_too_large(void **state)
{
	_cleanup_free_ char *bytes = calloc(1, HISTORY_FILE_MAX + 1);
	_cleanup_history_file_ struct history_file file = {0};

	(void)state;
	memset(bytes, '\n', HISTORY_FILE_MAX + 1);
	assert_int_equal(history_file_parse(bytes, HISTORY_FILE_MAX + 1, &file, NULL), -EFBIG);
	assert_int_equal(history_file_parse(bytes, HISTORY_FILE_MAX, &file, NULL), 0);
	assert_int_equal(file.damaged, HISTORY_FILE_MAX);
}

/* The table grows more than once. */
static void test_many(void **state)
{
	enum { MANY = 1000 };
	_cleanup_free_ char *bytes = malloc(MANY * sizeof(GOOD));
	_cleanup_history_file_ struct history_file file = {0};

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(bytes + i * (sizeof(GOOD) - 1), GOOD, sizeof(GOOD) - 1);
	assert_int_equal(history_file_parse(bytes, MANY * (sizeof(GOOD) - 1), &file, NULL), 0);
	assert_int_equal(file.count, MANY);
	assert_int_equal(file.boots[MANY - 1].number, 7);
}

/* The least that GRUB took off between two boots whose records follow each other. */
static void test_unseen(void **state)
{
	static const struct {
		const char *rule;
		char ran;
		enum bootlog_stage stage;
		const char *then, *now;
		char runs;
		unsigned unseen;
	} rows[] = {
		{"one attempt, one boot", 'a', BOOTLOG_STATE, "a,3,1,0,0,a,1", "a,2,1,0,0,a,2", 'a',
		 0},
		{"two attempts, one boot", 'a', BOOTLOG_STATE, "a,3,1,0,0,a,1", "a,1,1,0,0,a,2",
		 'a', 1},
		{"a settled slot has four again", 'a', BOOTLOG_SETTLED, "a,1,1,0,0,a,1",
		 "a,3,1,0,0,a,2", 'a', 0},
		{"and lost two of them", 'a', BOOTLOG_SETTLED, "a,1,1,0,0,a,1", "a,1,1,0,0,a,2",
		 'a', 2},
		{"an attempt that came back hides one", 'a', BOOTLOG_STATE, "a,1,1,0,0,a,1",
		 "a,2,1,0,0,a,2", 'a', 0},
		{"a new release that never came up", 'b', BOOTLOG_SETTLED, "b,0,0,3,1,b,1",
		 "a,0,0,3,1,b,2", 'b', 1},
		{"a new release that could not be read", 'b', BOOTLOG_SETTLED, "b,0,0,3,1,b,1",
		 "a,1,0,3,1,b,2", 'b', 0},
		{"the first attempt of a new release", 'b', BOOTLOG_SETTLED, "b,0,0,3,1,b,1",
		 "a,1,0,4,1,b,2", 'a', 0},
		{"its second, the first one is not known of", 'b', BOOTLOG_SETTLED, "b,0,0,3,1,b,1",
		 "a,0,0,4,1,b,2", 'a', 1},
		{"marked bad by a person", 'a', BOOTLOG_SETTLED, "a,3,1,0,0,a,1", "a,0,0,2,1,a,2",
		 'b', 0},
		{"last resorts have no attempts", 'a', BOOTLOG_STATE, "a,0,0,0,0,b,1",
		 "a,0,0,0,0,a,2", 'b', 0},
		{"no block", 'a', BOOTLOG_STATE, "", "a,1,1,0,0,a,2", 'a', 0},
		{"no block any more", 'a', BOOTLOG_STATE, "a,3,1,0,0,a,1", "-", 'a', 0},
		{"no such slot", 'a', BOOTLOG_STATE, "a,3,1,0,0,a,1", "z,1,1,0,0,a,2", 'a', 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct history_boot before = {
			.number = 4, .slot = rows[i].ran, .stage = rows[i].stage};
		struct history_boot after = {.number = 5, .slot = rows[i].runs};
		char slot = '-';

		print_message("  %s\n", rows[i].rule);
		strcpy(before.flip, rows[i].then);
		strcpy(after.flip, rows[i].now);
		assert_int_equal(history_unseen(&before, &after, &slot), rows[i].unseen);
		if (rows[i].unseen > 0)
			assert_int_equal(slot, rows[i].now[0]);
		after.number++; /* records in between are lost: nothing is known */
		assert_int_equal(history_unseen(&before, &after, &slot), 0);
	}
}

static char folder[] = "/tmp/history-test-XXXXXX";
static char history[64], older[64], upgrades[64], boot[64], ring[64];
static const struct history_paths paths = {
	.history = history, .upgrades = upgrades, .boot = boot, .init_socket = "/nonexistent"};

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(history, sizeof(history), "%s/history", folder);
	snprintf(older, sizeof(older), "%s/history.1", folder);
	snprintf(upgrades, sizeof(upgrades), "%s/upgrades", folder);
	snprintf(boot, sizeof(boot), "%s/boot", folder);
	snprintf(ring, sizeof(ring), "%s/ring", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(history);
	unlink(older);
	unlink(upgrades);
	unlink(boot);
	unlink(ring);
	return rmdir(folder);
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(io_replace_file(path, text, strlen(text), 0644, NULL), 0);
}

static const json_t *boot_at(const json_t *all, size_t i)
{
	return json_array_get(json_object_get(all, "boots"), i);
}

static void assert_boot(const json_t *all, size_t i, json_int_t number, const char *class)
{
	const json_t *one = boot_at(all, i);

	assert_int_equal(json_integer_value(json_object_get(one, "boot")), number);
	assert_string_equal(json_string_value(json_object_get(one, "class")), class);
}

static void write_ring(uint64_t boots)
{
	FILE *made = fopen(ring, "w+");

	assert_non_null(made);
	assert_int_equal(ftruncate(fileno(made), FLIPFS_SIZE), 0);
	for (uint64_t i = 1; i <= boots; i++) {
		struct bootlog_record record = {.boot = i, .sequence = 1, .slot = 'a'};

		record.stage = BOOTLOG_STATE;
		record.end = BOOTLOG_FAILED;
		strcpy(record.reason, "no \x1b network");
		strcpy(record.version, "2026.11.0");
		for (int n = 0; n < 60; n++)
			sprintf(record.lines + strlen(record.lines), "<6>line %d\n", n);
		assert_int_equal(bootlog_write(fileno(made), 0, &record, NULL), 0);
	}
	fclose(made);
}

/* Files, ring and the boot that runs are one list, newest first, and no boot stands twice. */
static void test_gather(void **state)
{
	char text[512];
	_cleanup_json_ json_t *all = NULL;
	const json_t *lines;

	(void)state;
	write_text(older, "boot=1 time=1 uptime=2 slot=a version=1 stage=5 end=2 fellback=0 "
			  "lastresort=0 degraded=0 flip= text=x\n");
	write_text(history, "boot=2 time=1 uptime=2 slot=a version=1 stage=5 end=3 fellback=0 "
			    "lastresort=0 degraded=0 flip= text=x\nrubbish\n");
	write_ring(5); /* this boot stands there too */
	snprintf(text, sizeof(text),
		 "boot=5\nslot=b\nversion=2\nfellback=1\nt_state=900\nt_gate=0\nflip=%s\n", ring);
	write_text(boot, text);
	assert_int_equal(history_gather(&paths, 0, &all, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(all, "total")), 5);
	assert_int_equal(json_integer_value(json_object_get(all, "damaged_lines")), 1);
	assert_int_equal(json_array_size(json_object_get(all, "errors")), 0);
	assert_boot(all, 0, 5, "running");
	assert_boot(all, 1, 4, "failed");
	assert_boot(all, 2, 3, "failed");
	assert_boot(all, 3, 2, "poweroff");
	assert_boot(all, 4, 1, "reboot");
	assert_string_equal(json_string_value(json_object_get(boot_at(all, 0), "text")),
			    "running, with the state mounted");
	assert_string_equal(json_string_value(json_object_get(boot_at(all, 1), "text")),
			    "stage 2 failed: no ? network");
	lines = json_object_get(boot_at(all, 1), "lines");
	assert_int_equal(json_array_size(lines), HISTORY_LINES_MAX);
	assert_string_equal(json_string_value(json_array_get(lines, 0)), "<6>line 10");
	assert_string_equal(json_string_value(json_array_get(lines, 49)), "<6>line 59");
}

/* A disk that came from another machine: its boots with higher numbers hide none of the ring's. */
static void test_other_life(void **state)
{
	_cleanup_json_ json_t *all = NULL;

	(void)state;
	write_text(history, "boot=2 time=1 uptime=2 slot=a version=1 stage=5 end=3 fellback=0 "
			    "lastresort=0 degraded=0 flip= text=x\n"
			    "boot=900 time=1 uptime=2 slot=a version=1 stage=5 end=3 fellback=0 "
			    "lastresort=0 degraded=0 flip= text=x\nrubbish\n");
	assert_int_equal(history_gather(&paths, 0, &all, NULL), 0);
	assert_boot(all, 1, 4, "failed");
	assert_boot(all, 2, 3, "failed");
	assert_boot(all, 3, 900, "poweroff");
	assert_boot(all, 4, 2, "poweroff");
}

static void test_count(void **state)
{
	_cleanup_json_ json_t *all = NULL;

	(void)state;
	assert_int_equal(history_gather(&paths, 2, &all, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(all, "boots")), 2);
	assert_int_equal(json_integer_value(json_object_get(all, "total")), 6);
	assert_boot(all, 0, 5, "running");
	assert_boot(all, 1, 4, "failed");
}

static void add_upgrade(enum upgrades_kind kind, uint64_t in_boot)
{
	struct upgrades_event event = {
		.kind = kind,
		.boot = in_boot,
		.time = 7 + in_boot,
		.slot = 'b',
		.version = "2.1",
		.root_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		.fetched = 3 << 20,
		.reused = 300 << 20,
	};

	assert_int_equal(upgrades_add(upgrades, &event, NULL), 0);
}

static void assert_upgrades(size_t count, const char *expected)
{
	_cleanup_json_ json_t *all = NULL;
	char found[64] = "";
	const json_t *event;
	size_t i;

	assert_int_equal(history_gather(&paths, count, &all, NULL), 0);
	json_array_foreach(json_object_get(all, "upgrades"), i, event)
		sprintf(found + strlen(found), "%lld ",
			(long long)json_integer_value(json_object_get(event, "boot")));
	assert_string_equal(found, expected);
}

/* Those of the boots that are shown; of another life, nobody knows when. */
static void test_upgrades(void **state)
{
	(void)state;
	add_upgrade(UPGRADES_STAGED, 901);
	add_upgrade(UPGRADES_UPGRADED, 2);
	add_upgrade(UPGRADES_CANCELLED, 2);
	add_upgrade(UPGRADES_PASSED, 4);
	add_upgrade(UPGRADES_ROLLED_BACK, 5);
	assert_upgrades(0, "5 4 2 2 0 ");
	assert_upgrades(2, "5 4 0 ");
	assert_upgrades(1, "5 0 ");
}

/* Each stands between the boot in which it was done and the next one. */
static void test_print_upgrades(void **state)
{
	_cleanup_json_ json_t *all = NULL;
	char out[8192] = "";
	FILE *stream = fmemopen(out, sizeof(out), "w");

	(void)state;
	assert_int_equal(history_gather(&paths, 0, &all, NULL), 0);
	history_print(stream, all, 0);
	fclose(stream);
	assert_non_null(strstr(out, "\nUpgrade 1970-01-01T00:00:09+0000  Proa 2.1 in slot b was "
				    "made the one that boots next; 3.0 MiB fetched, 300.0 MiB "
				    "reused\nBoot 2"));
	assert_non_null(strstr(out, "  the flip to Proa 2.1 in slot b was taken back\nUpgrade"));
	assert_non_null(strstr(out, "  Proa 2.1 in slot b passed its health gate\nBoot 4"));
	unlink(upgrades);
}

static void print(size_t lines, char *out, size_t size)
{
	_cleanup_json_ json_t *all = NULL;
	FILE *stream = fmemopen(out, size, "w");

	assert_int_equal(history_gather(&paths, 0, &all, NULL), 0);
	history_print(stream, all, lines);
	fclose(stream);
}

static void test_print(void **state)
{
	char out[8192];

	(void)state;
	setenv("TZ", "UTC", 1);
	print(2, out, sizeof(out));
	assert_non_null(strstr(out, "slot b, version 2, runs for "));
	assert_non_null(strstr(out, "    fell back: the primary slot"));
	assert_non_null(strstr(out, "    stage 2 failed: no ? network\n"
				    "        line 58\n        line 59\nBoot 3  "));
	assert_non_null(
		strstr(out, "Boot 2  1970-01-01T00:00:01+0000  slot a, version 1, ran 2 s\n"));
	assert_non_null(strstr(out, "(1 damaged line of the history left out)"));
	assert_null(strstr(out, "no former boots yet"));
	print(0, out, sizeof(out));
	assert_null(strstr(out, "line 59"));
}

/* A ring that is not to be read hides nothing else; where there is nothing at all, that is said. */
static void test_without(void **state)
{
	_cleanup_json_ json_t *all = NULL;
	struct error err = ERROR_INIT;
	char out[4096];

	(void)state;
	unlink(ring);
	assert_int_equal(history_gather(&paths, 0, &all, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(all, "boots")), 4);
	assert_int_equal(json_array_size(json_object_get(all, "errors")), 1);
	unlink(history);
	unlink(older);
	write_text(boot, "boot=1\nslot=a\n");
	print(5, out, sizeof(out));
	assert_non_null(strstr(out, "There are no former boots yet"));
	unlink(boot);
	json_decref(all);
	all = NULL;
	assert_int_equal(history_gather(&paths, 0, &all, &err), -ENOENT);
	assert_non_null(strstr(err.message, "does not run Proa"));
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{0, "0 s"},          {59, "59 s"},
		{60, "1 min 0 s"},   {3599, "59 min 59 s"},
		{3600, "1 h 0 min"}, {86399, "23 h 59 min"},
		{86400, "1 d 0 h"},  {UINT64_MAX, "213503982334601 d 7 h"},
	};
	char out[DURATION_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		duration_print(rows[i].seconds, out);
		assert_string_equal(out, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),           cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_too_large),      cmocka_unit_test(test_many),
		cmocka_unit_test(test_unseen),         cmocka_unit_test(test_gather),
		cmocka_unit_test(test_other_life),     cmocka_unit_test(test_count),
		cmocka_unit_test(test_print),          cmocka_unit_test(test_upgrades),
		cmocka_unit_test(test_print_upgrades), cmocka_unit_test(test_without),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
