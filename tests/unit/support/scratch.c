#include "tests/unit/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/io.h"

static char folder[] = "/tmp/proa_test.XXXXXX";

int scratch_set_up(void **state)
{
	(void)state;
	return !mkdtemp(folder) || chdir(folder) < 0 || mkdir("conf", 0755) < 0 ? -1 : 0;
}

int scratch_tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return chdir("/") < 0 ? -1 : system(command);
}

void scratch_put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

void scratch_assert(const char *name, const char *text)
{
	_cleanup_free_ char *found = NULL;
	size_t size;

	assert_int_equal(io_read_file(name, 1 << 20, &found, &size, NULL), 0);
	assert_string_equal(found, text);
}

void scratch_config(const char *text, struct config *out)
{
	static const struct config_sources sources = {.folder = "conf", .defaults = true};

	scratch_put("conf/a.yml", text);
	assert_int_equal(config_load(&sources, out, NULL), 0);
}

char *scratch_problems(const struct config *config)
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	assert_non_null(stream);
	config_problems_print(stream, &config->problems);
	fclose(stream);
	return out;
}
