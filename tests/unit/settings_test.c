/* What the configuration says of the machine itself is done, or said not to be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/settings.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static char folder[] = "/tmp/settings_test.XXXXXX";

static char name_set[128];
static int name_error;

static int set_name(const char *name, size_t length)
{
	snprintf(name_set, sizeof(name_set), "%.*s", (int)length, name);
	errno = name_error;
	return name_error ? -1 : 0;
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(name, mode), 0);
}

static void assert_file(const char *name, const char *text)
{
	_cleanup_free_ char *found = NULL;
	size_t size;

	assert_int_equal(io_read_file(name, 4096, &found, &size, NULL), 0);
	assert_string_equal(found, text);
}

static const struct settings_paths paths = {
	.sysctl = "sys",
	.hostname = "hostname",
	.hostname_kept = "kept",
	.modprobe = "./modprobe",
	.set_hostname = set_name,
};

/* Applies a configuration; what it says of it, a line each. */
static char *applied(const char *text)
{
	static const struct config_sources sources = {.folder = "conf", .defaults = true};
	_cleanup_whole_config_ struct config config = {0};
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	put("conf/a.yml", text, 0600);
	assert_int_equal(config_load(&sources, &config, NULL), 0);
	assert_int_equal(settings_apply(&config, &paths), 0);
	config_problems_print(stream, &config.problems);
	fclose(stream);
	return out;
}

static void test_hostname(void **state)
{
	_cleanup_free_ char *out = applied("hostname: boat\n");

	(void)state;
	assert_string_equal(out, "");
	assert_string_equal(name_set, "boat");
	assert_file("hostname", "boat\n");
	assert_file("kept", "boat\n");

	/* PID 1 has set it before: nothing is written. */
	name_set[0] = '\0';
	free(ptr_take(out));
	out = applied("hostname: boat\n");
	assert_string_equal(name_set, "");

	/* The default comes back where it is not set any more. */
	free(ptr_take(out));
	out = applied("{}\n");
	assert_string_equal(name_set, "proa");

	name_error = EPERM;
	free(ptr_take(out));
	out = applied("hostname: ship\n");
	name_error = 0;
	assert_string_equal(out, "conf/a.yml:1:1: error: hostname: cannot be set: Operation not "
				 "permitted\n");
	assert_file("kept", "proa\n");
}

static void test_sysctl(void **state)
{
	_cleanup_free_ char *out = applied("hostname: proa\nproa:\n  sysctl:\n"
					   "    net.a: 1\n"
					   "    net/b.c/d: 23\n"
					   "    net.b/c.d: 45\n"
					   "    nothing.here: 5\n"
					   "    ..x: 6\n"
					   "    /net/a: 7\n"
					   "    net/../net/a: 8\n"
					   "    \"\": 9\n"
					   "    net: 10\n");

	(void)state;
	assert_file("sys/net/a", "1");
	assert_file("sys/net/b.c/d", "45"); /* the same file, twice */
	assert_string_equal(
		out,
		"conf/a.yml:7:5: error: proa.sysctl.nothing.here: the kernel has no such setting "
		"(sys/nothing/here)\n"
		"conf/a.yml:8:5: error: proa.sysctl...x: is no setting of the kernel\n"
		"conf/a.yml:9:5: error: proa.sysctl./net/a: is no setting of the kernel\n"
		"conf/a.yml:10:5: error: proa.sysctl.net/../net/a: is no setting of the kernel\n"
		"conf/a.yml:11:5: error: proa.sysctl.: \"9\" is not taken: Is a directory\n"
		"conf/a.yml:12:5: error: proa.sysctl.net: \"10\" is not taken: Is a directory\n");
}

static void test_modules(void **state)
{
	_cleanup_free_ char *out = NULL;

	(void)state;
	put("modprobe",
	    "#!/bin/sh\n[ \"$2\" != missing ] || { echo \"no $2\" >&2; echo second >&2; exit 1; }\n"
	    "[ \"$2\" != silent ] || exit 3\necho \"$@\" >> loaded\n",
	    0755);
	out = applied("hostname: proa\nproa: {modules: [one, two  a=1 b=2, missing, silent]}\n");
	assert_file("loaded", "-- one\n-- two a=1 b=2\n");
	assert_string_equal(out,
			    "conf/a.yml:2:37: error: proa.modules: missing cannot be loaded: no "
			    "missing\n"
			    "conf/a.yml:2:46: error: proa.modules: silent cannot be loaded: "
			    "modprobe failed\n");
	assert_int_equal(unlink("modprobe"), 0);
	free(ptr_take(out));
	out = applied("hostname: proa\nproa: {modules: [one]}\n");
	assert_string_equal(out, "conf/a.yml:2:18: error: proa.modules: one cannot be loaded: No "
				 "such file or directory\n");
}

static void test_summary(void **state)
{
	static const struct config_place first = {"a.yml", 2, 3}, other = {"kernel argument", 0, 0};
	_cleanup_problems_ struct config_problems problems = {0};
	char text[256], little[16];

	(void)state;
	settings_summary(&problems, text, sizeof(text));
	assert_string_equal(text, "");
	config_problem(&problems, CONFIG_WARNING, &first, "x", "is a warning");
	settings_summary(&problems, text, sizeof(text));
	assert_string_equal(text, "");
	config_problem(&problems, CONFIG_ERROR, &first, "b.c", "is wrong");
	settings_summary(&problems, text, sizeof(text));
	assert_string_equal(text, "configuration: a.yml, line 2: b.c: is wrong");
	config_problem(&problems, CONFIG_ERROR, &other, NULL, "is wrong too");
	settings_summary(&problems, text, sizeof(text));
	assert_string_equal(text,
			    "configuration: a.yml, line 2: b.c: is wrong (and 1 more: sudo proa "
			    "config export)");
	settings_summary(&problems, little, sizeof(little));
	assert_string_equal(little, "configuration: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostname),
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_summary),
	};
	_cleanup_free_ char *command = NULL;
	int r;

	if (!mkdtemp(folder) || chdir(folder) < 0 || mkdir("conf", 0700) < 0 ||
	    mkdir("sys", 0700) < 0 || mkdir("sys/net", 0700) < 0 || mkdir("sys/net/b.c", 0700) < 0)
		return 1;
	put("sys/net/a", "", 0600);
	put("sys/net/b.c/d", "", 0600);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (asprintf(&command, "rm -rf %s", folder) < 0 || system(command) != 0)
		return 1;
	return r;
}
