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
	} rows[] = {
		{"nothing yet: no rate", 80, 0, 100 * MIB, 0,
		 "Work [........................................]   0%  "},
		{"too early for a rate", 80, 10 * MIB, 100 * MIB, 499,
		 "Work [####....................................]  10%  "},
		{"rate and time left", 80, 50 * MIB, 100 * MIB, 1000,
		 "Work [####################....................]  50%  50.0 MiB/s, 0:01 left"},
		{"minutes", 80, MIB, 601 * MIB, 1000,
		 "Work [........................................]   0%  1.0 MiB/s, 10:00 left"},
		{"hours", 80, MIB, 7201 * MIB, 1000,
		 "Work [........................................]   0%  1.0 MiB/s, 2:00:00 left"},
		{"all of it", 80, 100 * MIB, 100 * MIB, 2000,
		 "Work [########################################] 100%  50.0 MiB/s, 0:00 left"},
		{"more than there was", 80, 200 * MIB, 100 * MIB, 2000,
		 "Work [########################################] 100%  100.0 MiB/s, 0:00 left"},
		{"of nothing", 80, 0, 0, 2000,
		 "Work [########################################] 100%  "},
		{"a narrow terminal cuts the end", 30, 50 * MIB, 100 * MIB, 1000,
		 "Work [#####.....]  50%  50.0 "},
	};
	char line[PROGRESS_LINE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		progress_render(line, rows[i].columns, "Work", rows[i].done, rows[i].total,
				rows[i].elapsed_ms);
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
	progress_start(&progress, file, "Work", 1000);
	for (uint64_t done = 0; done <= 1000; done++)
		progress_update(&progress, done);
	progress_end(&progress);
	rewind(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 11);
	assert_null(strchr(text, '\r'));
	assert_ptr_equal(strstr(text, "Work: 1000 B\nWork: 10%\nWork: 20%\n"), text);
	assert_non_null(strstr(text, "Work: 90%\nWork: done in 0.0 s\n"));
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
	progress_start(&progress, file, "Work", 1000);
	progress_update(&progress, 50);
	progress_end(&progress);
	rewind(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen("Work: 1000 B\n"));
	fclose(file);
	/* Nobody to tell. */
	progress_start(&progress, NULL, "Work", 1000);
	progress_update(&progress, 50);
	progress_end(&progress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
