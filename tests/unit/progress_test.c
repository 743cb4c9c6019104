/* The progress bar and its lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/progress.h"

#define MIB (UINT64_C(1) << 20)

static void test_bar(void **state)
{
	static const struct {
		const char *rule;
		size_t columns;
		uint64_t done, total, elapsed_ms;
		const char *line;
		uint64_t fetched, to_fetch;
	} rows[] = {
		{"nothing yet: no rate", 80, 0, 100 * MIB, 0,
		 "Work [........................................]   0%  ", 0, 0},
		{"too early for a rate", 80, 10 * MIB, 100 * MIB, 499,
		 "Work [####....................................]  10%  ", 0, 0},
		{"rate and time left", 80, 50 * MIB, 100 * MIB, 1000,
		 "Work [####################....................]  50%  50.0 MiB/s, 0:01 left", 0,
		 0},
		{"minutes", 80, MIB, 601 * MIB, 1000,
		 "Work [........................................]   0%  1.0 MiB/s, 10:00 left", 0,
		 0},
		{"hours", 80, MIB, 7201 * MIB, 1000,
		 "Work [........................................]   0%  1.0 MiB/s, 2:00:00 left", 0,
		 0},
		{"all of it", 80, 100 * MIB, 100 * MIB, 2000,
		 "Work [########################################] 100%  50.0 MiB/s, 0:00 left", 0,
		 0},
		{"more than there was", 80, 200 * MIB, 100 * MIB, 2000,
		 "Work [########################################] 100%  100.0 MiB/s, 0:00 left", 0,
		 0},
		{"of nothing", 80, 0, 0, 2000,
		 "Work [########################################] 100%  ", 0, 0},
		{"most is there, and the line is slow: its rate, its time", 80, 90 * MIB, 100 * MIB,
		 10000,
		 "Work [####################################....]  90%  102.4 KiB/s, 1:30 left",
		 MIB, 10 * MIB},
		{"most comes, and the line is fast: the disk's time", 80, 10 * MIB, 100 * MIB,
		 10000,
		 "Work [####....................................]  10%  900.0 KiB/s, 1:30 left",
		 9000 * MIB / 1024, 9000 * MIB / 1024},
		{"nothing came over the line yet", 80, 10 * MIB, 100 * MIB, 10000,
		 "Work [####....................................]  10%  ", 0, MIB},
		{"a narrow terminal cuts the end", 30, 50 * MIB, 100 * MIB, 1000,
		 "Work [#####.....]  50%  50.0 ", 0, 0},
	};
	char line[PROGRESS_LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct progress_figures figures = {
			.done = rows[i].done,
			.total = rows[i].total,
			.fetched = rows[i].fetched,
			.to_fetch = rows[i].to_fetch,
			.elapsed_ms = rows[i].elapsed_ms,
		};

		progress_render(line, rows[i].columns, "Work", &figures);
		if (strncmp(line, rows[i].line, strlen(rows[i].line)) != 0 ||
		    strlen(line) >= rows[i].columns)
			fail_msg("%s: \"%s\"", rows[i].rule, line);
	}
}

/* No terminal: a heading, a line each tenth of the way, an end; never a return. */
static void test_lines(void **state)
{
	char *text = NULL;
	size_t size = 0, lines = 0;
	FILE *file = tmpfile();
	struct progress progress;

	(void)state;
	assert_non_null(file);
	progress_start(&progress, (struct progress_to){.out = file}, PROGRESS_WRITE, 'b', 1000);
	for (uint64_t done = 0; done <= 1000; done++)
		progress_update(&progress, done);
	progress_end(&progress);
	rewind(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 11);
	assert_null(strchr(text, '\r'));
	assert_ptr_equal(
		strstr(text, "Writing slot B: 1000 B\nWriting slot B: 10%\nWriting slot B: 20%\n"),
		text);
	assert_non_null(strstr(text, "Writing slot B: 90%\nWriting slot B: done in 0.0 s\n"));
	free(text);
	fclose(file);
}

/* What failed half way is not "done". */
static void test_unfinished(void **state)
{
	char text[64] = "";
	FILE *file = tmpfile();
	struct progress progress;

	(void)state;
	assert_non_null(file);
	progress_start(&progress, (struct progress_to){.out = file}, PROGRESS_WRITE, 'b', 1000);
	progress_update(&progress, 50);
	progress_end(&progress);
	rewind(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file),
			 strlen("Writing slot B: 1000 B\n"));
	fclose(file);
	/* Nobody to tell. */
	progress_start(&progress, (struct progress_to){.out = NULL}, PROGRESS_WRITE, 'b', 1000);
	progress_update(&progress, 50);
	progress_end(&progress);
}

/* For programs: a line at the beginning, one a second, one at the end. */
static void test_json(void **state)
{
	static const char *const lines[] = {
		"{\"event\":\"progress\",\"phase\":\"write\",\"slot\":\"b\",\"done\":0,\"total\":"
		"1000}\n",
		"{\"event\":\"progress\",\"phase\":\"write\",\"slot\":\"b\",\"done\":1000,"
		"\"total\":1000,"
		"\"fetched\":70,\"to_fetch\":80}\n",
	};
	char *line = NULL;
	size_t size = 0;
	FILE *file = tmpfile();
	struct progress progress;

	(void)state;
	assert_non_null(file);
	progress_start(&progress, (struct progress_to){file, true}, PROGRESS_WRITE, 'b', 1000);
	progress_fetched(&progress, 70, 80);
	for (uint64_t done = 0; done <= 1000; done++)
		progress_update(&progress, done);
	progress_end(&progress);
	rewind(file);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(getline(&line, &size, file) > 0);
		assert_string_equal(line, lines[i]);
	}
	assert_int_equal(getline(&line, &size, file), -1);
	free(line);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
