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

#include "init/services/history_file.h"
#include "lib/cleanup.h"
#include "lib/io.h"

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
	assert_string_equal(boot->lines, " <6>[ 1.0] one");
	assert_string_equal(boot->lines + strlen(boot->lines) + 1, "  two");
	assert_int_equal(file.boots[1].line_count, 0);
}

/* Each input stands in testdata/histories, where the fuzz target has it too. */
static void test_hostile(void **state)
{
	static const struct {
		const char *name;
		size_t boots, damaged;
	} rows[] = {
		{"empty", 0, 0},        {"good", 4, 0},
		{"blank-lines", 4, 2},  {"cut", 3, 1},
		{"zeros-behind", 4, 1}, {"torn-then-more", 3, 1},
		{"lines-first", 4, 1},  {"too-many-lines", 2, 10},
		{"limits", 1, 0},       {"past-limits", 0, 14},
		{"escapes", 1, 0},      {"carriage-returns", 4, 0},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
