/* Folders by paths that others can change: made, found, and never somebody else's link. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/folder.h"
#include "tests/unit/support/scratch.h"

static char here[256];

/* `path` lies in the test's folder. Returns what folder_open does, and closes what it opens. */
static int opened(const char *path, struct error *err)
{
	char whole[512];
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", here, path);
	fd = folder_open(whole, err);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void assert_folder(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISDIR(status.st_mode));
}

static void test_made(void **state)
{
	(void)state;
	assert_int_equal(opened("a//b/./c/", NULL), 0);
	assert_folder("a/b/c");
	assert_int_equal(opened("a/b/c", NULL), 0);
	assert_int_equal(opened("", NULL), 0);
}

static void test_no_folder(void **state)
{
	struct error err = ERROR_INIT;
	static char long_path[8192];

	(void)state;
	scratch_put("file", "x");
	assert_int_equal(opened("file/b", &err), -ENOTDIR);
	assert_string_equal(err.message, "file is no folder");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(opened("pipe", &err), -ENOTDIR);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	assert_int_equal(folder_open(long_path, &err), -ENAMETOOLONG);
}

static void test_own_links(void **state)
{
	char target[512];

	(void)state;
	assert_int_equal(opened("to/sub", NULL), 0);
	snprintf(target, sizeof(target), "%s/to", here);
	assert_int_equal(symlink(target, "absolute"), 0);
	assert_int_equal(symlink("to/sub/..", "relative"), 0);
	assert_int_equal(symlink("gone", "dangling"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(opened("absolute/one", NULL), 0);
	assert_int_equal(opened("relative/two", NULL), 0);
	assert_folder("to/one");
	assert_folder("to/two");
	/* As for any other name: what is missing is made. */
	assert_int_equal(opened("dangling/x", NULL), 0);
	assert_folder("gone/x");
	assert_int_equal(opened("loop/x", NULL), -ELOOP);
}

static void test_links_of_others(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(opened("open/in", NULL), 0);
	assert_int_equal(opened("secret", NULL), 0);
	assert_int_equal(symlink("../secret", "open/link"), 0);
	assert_int_equal(opened("open/link/one", NULL), 0);
	assert_int_equal(chmod("open", 0775), 0);
	assert_int_equal(opened("open/link/two", &err), -ELOOP);
	assert_non_null(strstr(err.message, "link is a link, in a folder that others"));
	assert_int_equal(chmod("open", 01757), 0);
	assert_int_equal(opened("open/link/two", &err), -ELOOP);
	assert_int_equal(access("secret/two", F_OK), -1);
	/* Theirs may be gone through, where no link is in it. */
	assert_int_equal(opened("open/in/three", NULL), 0);
	assert_folder("open/in/three");
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod("open", 0755), 0);
	assert_int_equal(chown("open", 65534, 65534), 0);
	assert_int_equal(opened("open/link/two", &err), -ELOOP);
}

static int set_up(void **state)
{
	return scratch_set_up(state) < 0 || !getcwd(here, sizeof(here)) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_own_links),
		cmocka_unit_test(test_links_of_others),
	};

	return cmocka_run_group_tests(tests, set_up, scratch_tear_down);
}
