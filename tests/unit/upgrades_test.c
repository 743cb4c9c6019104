/* What is remembered of upgrades (lib/upgrades.h). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/json.h"
#include "lib/upgrades.h"
#include "tests/unit/support/scratch.h"

/* The fuzz target has it too. */
#define HOSTILE "testdata/upgrades/hostile"
#define HASH    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"

static char hostile[PATH_MAX];

/* The release `number`: its hash ends in it. */
static struct upgrades_event event(enum upgrades_kind kind, unsigned number)
{
	struct upgrades_event out = {.time = 1790000000, .boot = 7, .kind = kind, .slot = 'b'};

	snprintf(out.version, sizeof(out.version), "2026.12.%u", number);
	snprintf(out.root_hash, sizeof(out.root_hash), HASH "%02u", number % 100);
	strcpy(out.from, "2026.11.0");
	return out;
}

static void add(struct upgrades_event one)
{
	struct error err = ERROR_INIT;

	if (upgrades_add("upgrades", &one, &err) < 0)
		fail_msg("%s", err.message);
}

static struct upgrades *all(void)
{
	static struct upgrades upgrades;

	assert_int_equal(upgrades_read("upgrades", &upgrades, NULL), 0);
	return &upgrades;
}

static int forget(void **state)
{
	(void)state;
	unlink("upgrades");
	return 0;
}

static void test_add(void **state)
{
	struct upgrades_event one = event(UPGRADES_FAILED, 1);
	struct stat status;

	(void)state;
	assert_int_equal(all()->count, 0);
	add(event(UPGRADES_STARTED, 1));
	assert_int_equal(all()->events[0].kind, UPGRADES_STARTED);
	/* What it ended with takes its place; the start of another release's stays. */
	one.fetched = 3;
	one.reused = UINT64_C(5) << 30;
	one.unattended = true;
	strcpy(one.text, "the server says \"404\"");
	add(one);
	add(event(UPGRADES_STARTED, 1));
	add(event(UPGRADES_UPGRADED, 2));
	assert_int_equal(all()->count, 3);
	assert_memory_equal(&all()->events[0], &one, sizeof(one));
	assert_int_equal(all()->events[1].kind, UPGRADES_STARTED);
	assert_int_equal(all()->events[2].kind, UPGRADES_UPGRADED);
	assert_ptr_equal(upgrades_find(all(), one.root_hash), &all()->events[1]);
	assert_null(upgrades_find(all(), HASH "99"));
	assert_int_equal(stat("upgrades", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

/* Staged yesterday, flipped to today: that took the bytes of yesterday. */
static void test_staged(void **state)
{
	struct upgrades_event one = event(UPGRADES_STAGED, 1);

	(void)state;
	one.fetched = 3;
	one.reused = 5;
	add(one);
	add(event(UPGRADES_UPGRADED, 1));
	assert_int_equal(all()->events[1].fetched, 3);
	assert_int_equal(all()->events[1].reused, 5);
	add(event(UPGRADES_CANCELLED, 1));
	add(event(UPGRADES_UPGRADED, 1));
	assert_int_equal(all()->events[3].reused, 0);
}

/* Every kind comes back as it was, and each has a word of its own. */
static void test_kinds(void **state)
{
	(void)state;
	for (int kind = 0; kind < UPGRADES_KINDS; kind++)
		add(event((enum upgrades_kind)kind, (unsigned)kind));
	assert_int_equal(all()->count, UPGRADES_KINDS);
	for (int kind = 0; kind < UPGRADES_KINDS; kind++)
		assert_int_equal(all()->events[kind].kind, kind);
	assert_string_equal(upgrades_word(UPGRADES_KINDS), "unknown");
}

/* It does not grow for ever, and what speaks against a release goes last. */
static void test_bounded(void **state)
{
	const struct upgrades *kept;

	(void)state;
	add(event(UPGRADES_FELL_BACK, 1));
	for (unsigned i = 2; i < 2 + 2 * UPGRADES_MAX; i++)
		add(event(UPGRADES_FAILED, i));
	kept = all();
	assert_int_equal(kept->count, UPGRADES_MAX);
	assert_string_equal(kept->events[0].version, "2026.12.1");
	assert_string_equal(kept->events[1].version, "2026.12.67");
	assert_string_equal(kept->events[UPGRADES_MAX - 1].version, "2026.12.129");
	for (unsigned i = 0; i < UPGRADES_MAX + 1; i++)
		add(event(UPGRADES_ROLLED_BACK, i));
	assert_int_equal(all()->count, UPGRADES_MAX);
	assert_string_equal(all()->events[0].version, "2026.12.1");
}

/* Lines that nobody would have written are left out; the others still tell. */
static void test_hostile(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	struct upgrades found;
	size_t size;

	(void)state;
	assert_int_equal(io_read_file(hostile, UPGRADES_FILE_MAX, &bytes, &size, NULL), 0);
	upgrades_parse(bytes, size, &found);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.events[0].kind, UPGRADES_STARTED);
	assert_int_equal(found.events[1].kind, UPGRADES_FAILED);
	assert_int_equal(found.events[1].time, 0);
	assert_int_equal(found.events[1].fetched, 0);
	assert_string_equal(found.events[1].version, "");
	assert_string_equal(found.events[1].text, "?[2J x??");
}

/* Of texts that are long and odd, too, there is room for all. */
static void test_too_large(void **state)
{
	_cleanup_free_ char *bytes = malloc(UPGRADES_FILE_MAX + 1);
	struct upgrades_event one = event(UPGRADES_FAILED, 1);
	struct upgrades upgrades;

	(void)state;
	memset(bytes, '\n', UPGRADES_FILE_MAX + 1);
	assert_int_equal(io_replace_file("upgrades", bytes, UPGRADES_FILE_MAX + 1, 0600, NULL), 0);
	assert_int_equal(upgrades_read("upgrades", &upgrades, NULL), -EFBIG);
	memset(one.text, '\1', sizeof(one.text) - 1);
	for (int i = 0; i < UPGRADES_MAX; i++)
		add(one);
	assert_int_equal(all()->count, UPGRADES_MAX);
	memset(one.text, '?', sizeof(one.text) - 1);
	assert_string_equal(all()->events[0].text, one.text);
}

/* Where nothing can be written, the file stays what it was. */
static void test_cannot(void **state)
{
	struct upgrades_event one = event(UPGRADES_FAILED, 1);
	_cleanup_fd_ int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(upgrades_add("none/upgrades", &one, &err), -ENOENT);
	add(one);
	assert_int_equal(flock(folder, LOCK_EX), 0);
	assert_int_equal(upgrades_add("upgrades", &one, &err), -EWOULDBLOCK);
	assert_int_equal(flock(folder, LOCK_UN), 0);
	assert_int_equal(mkdir("upgrades.new", 0755), 0);
	assert_int_equal(upgrades_add("upgrades", &one, &err), -EISDIR);
	assert_int_equal(rmdir("upgrades.new"), 0);
	assert_int_equal(all()->count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_add, forget),
		cmocka_unit_test_setup(test_staged, forget),
		cmocka_unit_test_setup(test_kinds, forget),
		cmocka_unit_test_setup(test_bounded, forget),
		cmocka_unit_test_setup(test_hostile, forget),
		cmocka_unit_test_setup(test_too_large, forget),
		cmocka_unit_test_setup(test_cannot, forget),
	};

	/* Before the working directory changes. */
	if (!realpath(HOSTILE, hostile))
		return 1;
	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
