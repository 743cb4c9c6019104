/* write_files, bootcmd and runcmd: what is done, what is said, what is left alone. */
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

#include "init/services/commands.h"
#include "init/services/files.h"
#include "init/services/run.h"
#include "lib/cleanup.h"
#include "tests/unit/support/scratch.h"

static char here[256];

/* `text` with each @ the folder's path, written as the configuration says. */
static char *written(const char *text)
{
	_cleanup_whole_config_ struct config config = {0};
	_cleanup_free_ char *whole = NULL;
	size_t size;
	FILE *stream = open_memstream(&whole, &size);

	for (const char *c = text; *c; c++)
		*c == '@' ? fputs(here, stream) : fputc(*c, stream);
	fclose(stream);
	scratch_config(whole, &config);
	assert_int_equal(files_write(&config), 0);
	return scratch_problems(&config);
}

static void assert_written(const char *text, const char *said)
{
	_cleanup_free_ char *out = written(text);

	if (*said ? !strstr(out, said) : *out != '\0')
		fail_msg("\"%s\" is not in \"%s\"", said, out);
}

static void test_encodings(void **state)
{
	(void)state;
	assert_written("write_files:\n"
		       "- {path: @/new/a, content: \"one\\n\"}\n"
		       "- {path: @/new/b, content: b25lCg==, encoding: b64}\n"
		       "- {path: @/new/c, content: \"b25l\\n Cg==\\n\", encoding: base64}\n"
		       "- {path: @/new/d, encoding: gz+b64, content: "
		       "H4sIAAAAAAAAA8vPS+UCAJ+oF/gEAAAA}\n"
		       "- {path: @/new/e}\n",
		       "");
	scratch_assert("new/a", "one\n");
	scratch_assert("new/b", "one\n");
	scratch_assert("new/c", "one\n");
	scratch_assert("new/d", "one\n");
	scratch_assert("new/e", "");
	assert_written("write_files: [{path: @/f, content: \"*\", encoding: b64}]\n",
		       "write_files: ");
	assert_written("write_files: [{path: @/f, content: b25lCg==, encoding: gzip}]\n",
		       "its content is no gzip");
	/* Cut short. */
	assert_written("write_files: [{path: @/f, content: H4sIAAAAAAAAA8vPS+U=, encoding: gz}]\n",
		       "its content is no gzip");
	assert_int_equal(access("f", F_OK), -1);
}

static void test_permissions(void **state)
{
	struct stat status;

	(void)state;
	assert_written("write_files:\n- {path: @/p, content: x, permissions: \"4750\", owner: "
		       "\"0:0\"}\n",
		       "");
	assert_int_equal(stat("p", &status), 0);
	assert_int_equal(status.st_mode & 07777, 04750);
	assert_written("write_files: [{path: @/q, owner: nobody.here}]\n",
		       "there is no user nobody.here on this system");
	assert_written("write_files: [{path: @/q, owner: \"root:no-group\"}]\n",
		       "there is no group no-group on this system");
	assert_int_equal(access("q", F_OK), -1);
}

/* Who may write in the folder cannot hold up the boot, and reads nothing of root's. */
static void test_traps(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0644), 0);
	assert_int_equal(mkfifo("pipe2", 0644), 0);
	scratch_put("secret", "root's\n");
	assert_int_equal(symlink("secret", "link"), 0);
	assert_written("write_files: [{path: @/pipe, content: x}]\n", "");
	scratch_assert("pipe", "x");
	assert_written("write_files: [{path: @/pipe2, content: x, append: true}]\n",
		       "pipe2: it is no plain file");
	assert_written("write_files: [{path: @/link, content: x, append: true}]\n",
		       "link: it is no plain file");
	scratch_assert("secret", "root's\n");
	assert_int_equal(lstat("link", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	/* The same of a folder of the path. */
	assert_int_equal(mkdir("theirs", 0755), 0);
	assert_int_equal(chmod("theirs", 0777), 0);
	assert_int_equal(mkdir("system", 0755), 0);
	assert_int_equal(symlink("../system", "theirs/sub"), 0);
	assert_written("write_files: [{path: @/theirs/sub/f, content: x}]\n",
		       "theirs/sub/f: sub is a link, in a folder that others than root can write to");
	assert_int_equal(access("system/f", F_OK), -1);
}

/* A disk is not written at each boot for nothing, and nothing is added twice. */
static void test_again(void **state)
{
	static const char text[] = "write_files:\n- {path: @/w, content: same}\n"
				   "- {path: @/x, content: \"more\\n\", append: true}\n";
	struct stat before, after;

	(void)state;
	scratch_put("x", "first\n");
	assert_written(text, "");
	scratch_assert("x", "first\nmore\n");
	assert_int_equal(stat("w", &before), 0);
	assert_written(text, "");
	scratch_assert("x", "first\nmore\n");
	assert_int_equal(stat("w", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* Its permissions were changed: they come back. */
	assert_int_equal(chmod("w", 0600), 0);
	assert_written(text, "");
	assert_int_equal(stat("w", &after), 0);
	assert_int_equal(after.st_mode & 07777, 0644);
}

static void test_not_possible(void **state)
{
	(void)state;
	/* The others are written all the same, and the place is named. */
	assert_written(
		"write_files:\n- {path: /proc/none, content: x}\n- {path: @/y, content: y}\n",
		"conf/a.yml:2:3: error: write_files: /proc/none: ");
	scratch_assert("y", "y");
}

static char *ran(const char *text, const char *name, unsigned timeout_ms)
{
	_cleanup_whole_config_ struct config config = {0};

	scratch_config(text, &config);
	assert_int_equal(commands_run(&config, name, "log", timeout_ms), 0);
	return scratch_problems(&config);
}

static void test_commands(void **state)
{
	_cleanup_free_ char *said =
		ran("runcmd:\n- echo a; echo b >&2\n- [printf, '%s\\n', 'c d']\n"
		    "- exit 3\n- [no-such-program-here]\n- kill -9 $$\n- echo e\n",
		    "runcmd", 0);

	(void)state;
	assert_string_equal(said,
			    "conf/a.yml:4:3: error: runcmd: ended with exit code 3 (log)\n"
			    "conf/a.yml:5:3: error: runcmd: ended with exit code 127 (log)\n"
			    "conf/a.yml:6:3: error: runcmd: ended with exit code 128 (log)\n");
	/* Before coreutils 9.5 env names itself by its whole path. */
	assert_int_equal(system("sed -i 's,^/usr/bin/env:,env:,' log"), 0);
	scratch_assert("log", "$ echo a; echo b >&2\na\nb\n$ printf %s\\n c d\nc d\n$ exit 3\n"
			      "$ no-such-program-here\n"
			      "env: 'no-such-program-here': No such file or directory\n"
			      "$ kill -9 $$\n$ echo e\ne\n");
}

/* One that hangs, with what it has started, costs no more than its time. */
static void test_hanging_command(void **state)
{
	_cleanup_free_ char *said = NULL;
	time_t began = time(NULL);

	(void)state;
	said = ran("bootcmd:\n- sleep 100 & sleep 100\n- touch never\n", "bootcmd", 300);
	assert_true(time(NULL) - began < 50);
	assert_string_equal(said,
			    "conf/a.yml:2:3: error: bootcmd: took too long and was killed (log)\n"
			    "conf/a.yml:3:3: error: bootcmd: took too long and was killed (log)\n");
	assert_int_equal(access("never", F_OK), -1);
}

static void test_program(void **state)
{
	static char *const hangs[] = {(char *)"/bin/sh", (char *)"-c", (char *)"exec sleep 100",
				      NULL};
	static char *const fails[] = {(char *)"/bin/sh", (char *)"-c",
				      (char *)"echo no disk >&2; echo more >&2; exit 3", NULL};
	time_t began = time(NULL);
	char said[64];

	(void)state;
	assert_int_equal(run_program(fails, 60000, said, sizeof(said)), 3);
	assert_string_equal(said, "no disk");
	assert_int_equal(run_program(hangs, 1000, said, sizeof(said)), 128);
	assert_string_equal(said, "it took longer than 1 s");
	assert_true(time(NULL) - began < 50);
}

static int set_up(void **state)
{
	return scratch_set_up(state) < 0 || !getcwd(here, sizeof(here)) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),       cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_again),           cmocka_unit_test(test_not_possible),
		cmocka_unit_test(test_traps),           cmocka_unit_test(test_commands),
		cmocka_unit_test(test_hanging_command), cmocka_unit_test(test_program),
	};

	return cmocka_run_group_tests(tests, set_up, scratch_tear_down);
}
