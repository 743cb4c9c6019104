/* User Docker's data from one release to the next, over a tree like dockerd's. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/docker_data.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static char folder[] = "/tmp/docker-data-test-XXXXXX";
static char root[64];

static void put(const char *path, const char *text)
{
	char full[PATH_MAX], *slash;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(io_make_dirs(full, NULL), 0);
	*slash = '/';
	unlink(full);
	if (strncmp(text, "-> ", 3) == 0)
		assert_int_equal(symlink(text + 3, full), 0);
	else
		assert_int_equal(io_replace_file(full, text, strlen(text), 0640, NULL), 0);
}

static bool there(const char *path)
{
	char full[PATH_MAX];
	struct stat info;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return lstat(full, &info) == 0;
}

static bool holds(const char *path, const char *text)
{
	_cleanup_free_ char *found = NULL;
	char full[PATH_MAX];
	size_t size;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return io_read_file(full, 1 << 20, &found, &size, NULL) == 0 && strcmp(found, text) == 0;
}

static uint64_t version(void)
{
	struct docker_data data;

	docker_data_read(root, &data);
	assert_false(data.restores);
	return data.version;
}

/* Path in dockerd's root; is it in the copy, is it there when the copy has been put back? */
static const struct {
	const char *path;
	bool copied, in_place;
} tree[] = {
	{"image/overlay2/repositories.json", true, true},
	{"image/overlay2/layerdb/sha256/l1/cache-id", true, true},
	{"image/overlay2/a-link", true, true},
	{"network/files/local-kv.db", true, true},
	{"containers/c1/config.v2.json", true, true},
	{"containers/c1/c1-json.log", false, true},
	{"containers/c1/c1-json.log.1", false, true},
	{"containers/c1/local-logs/container.log", false, true},
	{"volumes/metadata.db", true, true},
	{"volumes/v1/_data/file", false, true},
	{"volumes/v1/opts.json", false, true},
	{"overlay2/c1/diff/etc/passwd", false, true},
	{"overlay2/l/LINK", false, true},
	{"plugins/p1/config.json", true, true},
	{"plugins/p1/rootfs/bin/plugin", false, true},
	{"plugins/storage/blobs/b", false, true},
	{"swarm/state.json", true, true},
	{"engine-id", true, true},
	{"some-later-folder/file", true, true},
	{"buildkit/cache.db", false, false},
	{"tmp/file", false, true},
	{"lost+found/file", false, true},
	{"100000.100000/overlay2/x/diff/file", false, true},
};

enum { TREE = sizeof(tree) / sizeof(tree[0]) };

static void make_tree(const char *text)
{
	for (size_t i = 0; i < TREE; i++)
		put(tree[i].path, strstr(tree[i].path, "a-link") ? "-> elsewhere" : text);
}

static void prepare(uint64_t own, int expected)
{
	struct error err = ERROR_INIT;
	int r = docker_data_prepare(root, own, &err);

	if (r != expected)
		fail_msg("%d: %s", r, err.message);
}

static void put_back(uint64_t own)
{
	struct error err = ERROR_INIT;

	if (docker_data_restore(root, own, &err) < 0)
		fail_msg("%s", err.message);
}

static int fresh(void **state)
{
	(void)state;
	return seed_remove(root, NULL);
}

/* A machine that was just installed, and each boot of the same release after that. */
static void test_nothing_to_copy(void **state)
{
	struct docker_data data;

	(void)state;
	docker_data_read(root, &data);
	assert_false(docker_data_is_ready(&data, 1));
	prepare(1, 0);
	assert_int_equal(version(), 1);
	make_tree("one");
	prepare(1, 0);
	docker_data_read(root, &data);
	assert_true(docker_data_is_ready(&data, 1));
	assert_false(docker_data_is_ready(&data, 2));
	assert_false(there(".proa/saved-1"));
	/* An older engine tries newer data as they are. */
	prepare(2, 1);
	prepare(1, 0);
	assert_int_equal(version(), 2);
}

static void test_copy(void **state)
{
	char path[256], link[64] = "";
	struct stat info;

	(void)state;
	prepare(1, 0);
	make_tree("one");
	snprintf(path, sizeof(path), "%s/containers/c1/config.v2.json", root);
	assert_int_equal(chmod(path, 0604), 0);
	if (getuid() == 0)
		assert_int_equal(chown(path, 12, 34), 0);
	snprintf(path, sizeof(path), "%s/containers/c1/fifo", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	prepare(2, 1);
	assert_int_equal(version(), 2);
	for (size_t i = 0; i < TREE; i++) {
		snprintf(path, sizeof(path), ".proa/saved-1/%s", tree[i].path);
		if (there(path) != tree[i].copied)
			fail_msg("%s", path);
	}
	assert_true(holds(".proa/saved-1/network/files/local-kv.db", "one"));
	assert_false(there(".proa/saved-1/containers/c1/fifo") || there(".proa/new"));
	snprintf(path, sizeof(path), "%s/.proa/saved-1/image/overlay2/a-link", root);
	assert_true(readlink(path, link, sizeof(link) - 1) > 0);
	assert_string_equal(link, "elsewhere");
	snprintf(path, sizeof(path), "%s/.proa/saved-1/containers/c1/config.v2.json", root);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0604);
	if (getuid() == 0)
		assert_true(info.st_uid == 12 && info.st_gid == 34);
}

/* Data without a mark are older than any engine; one copy is kept, of the data as they were. */
static void test_one_copy(void **state)
{
	(void)state;
	make_tree("none");
	prepare(1, 1);
	assert_true(holds(".proa/saved-0/engine-id", "none"));
	make_tree("one");
	put(".proa/new/torn", "x");
	prepare(3, 1);
	assert_int_equal(version(), 3);
	assert_true(holds(".proa/saved-1/engine-id", "one"));
	assert_false(there(".proa/saved-0") || there(".proa/new"));
}

/* The older engine started all the same: the next upgrade copies what it has made of them. */
static void test_accepted(void **state)
{
	(void)state;
	make_tree("one");
	prepare(1, 1);
	prepare(2, 1);
	make_tree("both");
	assert_int_equal(docker_data_accept(root, 1, NULL), 0);
	assert_int_equal(version(), 1);
	assert_false(there(".proa/saved-1"));
	prepare(2, 1);
	assert_true(holds(".proa/saved-1/engine-id", "both"));
}

/* A disk that a person mounts within the data root: nothing is moved, and it is said. */
static void test_mount_within(void **state)
{
	struct error err = ERROR_INIT;
	char path[128];

	(void)state;
	make_tree("one");
	prepare(1, 1);
	prepare(2, 1);
	snprintf(path, sizeof(path), "%s/containers", root);
	if (getuid() != 0 || mount("tmpfs", path, "tmpfs", 0, "size=1m") < 0)
		skip();
	assert_int_equal(docker_data_restore(root, 1, &err), -EBUSY);
	assert_non_null(strstr(err.message, path));
	assert_int_equal(umount(path), 0);
	assert_int_equal(version(), 2);
	put_back(1);
	assert_int_equal(version(), 1);
}

static void check_restored(void)
{
	char path[128];

	assert_int_equal(version(), 1);
	for (size_t i = 0; i < TREE; i++)
		if (there(tree[i].path) != tree[i].in_place)
			fail_msg("%s", tree[i].path);
	assert_true(holds("network/files/local-kv.db", "one"));
	assert_true(holds("volumes/metadata.db", "one"));
	assert_true(holds("containers/c1/config.v2.json", "one"));
	/* What is no metadata is as the newer engine has left it. */
	assert_true(holds("containers/c1/c1-json.log", "two"));
	assert_true(holds("volumes/v1/_data/file", "two"));
	assert_true(holds("overlay2/c1/diff/etc/passwd", "two"));
	assert_true(holds("plugins/p1/rootfs/bin/plugin", "two"));
	assert_false(there("containers/c2") || there("of-the-newer"));
	/* And the rest lies where a person finds it. */
	assert_true(holds(".proa/refused-2/network/files/local-kv.db", "two"));
	assert_true(holds(".proa/refused-2/volumes/metadata.db", "two"));
	assert_true(holds(".proa/refused-2/containers/c2/config.v2.json", "two"));
	assert_true(holds(".proa/refused-2/buildkit/cache.db", "two"));
	assert_true(there(".proa/refused-2/of-the-newer/file"));
	assert_false(there(".proa/saved-1"));
	assert_true(docker_data_find_refused(root, path, sizeof(path)));
	assert_non_null(strstr(path, "/.proa/refused-2"));
}

static void upgrade_tree(void)
{
	prepare(1, 0);
	make_tree("one");
	prepare(2, 1);
	make_tree("two");
	put("containers/c2/config.v2.json", "two");
	put("containers/c2/c2-json.log", "two");
	put("of-the-newer/file", "two");
}

static void test_restore(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	upgrade_tree();
	put(".proa/refused-2/file", "of last time");
	put(".proa/refused-2.1/file", "of long ago");
	put_back(1);
	check_restored();
	assert_true(holds(".proa/refused-2.1/file", "of long ago"));
	assert_true(holds(".proa/refused-2.2/file", "of last time"));
	assert_false(there(".proa/refused-2/file"));

	print_message("  a second time there is nothing to put back\n");
	assert_int_equal(docker_data_restore(root, 1, &err), -ENOENT);
	check_restored();

	print_message("  the newer release again: a copy again\n");
	prepare(2, 1);
	assert_true(holds(".proa/saved-1/engine-id", "one"));
}

/* A copy that this engine could not read either is none, and its own data are no newer ones. */
static void test_restore_nothing(void **state)
{
	(void)state;
	make_tree("two");
	prepare(2, 1);
	assert_int_equal(docker_data_restore(root, 2, NULL), -ENOENT);
	prepare(3, 1);
	assert_int_equal(docker_data_restore(root, 1, NULL), -ENOENT);
	assert_int_equal(version(), 3);
	assert_true(holds("engine-id", "two"));
}

/*
 * Cut short after any number of moves, and gone on with by either release: what was moved is
 * marked by what is missing, so each state is made by moving that many entries by hand.
 */
static void move(const char *from, const char *to, const char *entry)
{
	char one[256], other[256];

	snprintf(one, sizeof(one), "%s/%s%s", root, from, entry);
	snprintf(other, sizeof(other), "%s/%s%s", root, to, entry);
	if (rename(one, other) < 0)
		assert_int_equal(errno, ENOENT); /* the copy has not all of them */
}

static void test_restore_interrupted(void **state)
{
	static const char *const entries[] = {
		"image",     "network",  "containers",   "plugins",           "swarm",
		"engine-id", "buildkit", "of-the-newer", "some-later-folder",
	};
	enum { ENTRIES = sizeof(entries) / sizeof(entries[0]) };

	(void)state;
	for (size_t moved = 0; moved <= 2 * ENTRIES; moved++) {
		bool aside = moved > ENTRIES;

		upgrade_tree();
		put(".proa/refused-2/volumes/x", "x");
		for (size_t i = 0; i < ENTRIES && i < moved; i++)
			move("", ".proa/refused-2/", entries[i]);
		if (aside)
			move("", ".proa/refused-2/", "volumes/metadata.db");
		for (size_t i = 0; i + ENTRIES < moved; i++)
			move(".proa/saved-1/", "", entries[i]);
		put(".proa/version", aside ? "version=2\nrestoring=1\naside=1\n"
					   : "version=2\nrestoring=1\naside=0\n");
		prepare(1, 0);
		check_restored();
		fresh(state);
	}

	print_message(
		"  the newer release comes in between: it finishes that, and goes on there\n");
	upgrade_tree();
	put(".proa/version", "version=2\nrestoring=1\naside=0\n");
	prepare(2, 1);
	assert_int_equal(version(), 2);
	assert_true(holds("engine-id", "one") && holds(".proa/saved-1/engine-id", "one"));
	assert_true(holds(".proa/refused-2/engine-id", "two"));
}

/* Torn, or a stranger's: as if there were none. */
static void test_bad_marks(void **state)
{
	static const char *const marks[] = {"", "version=", "version=x\n", "rubbish",
					    "version=99999999999999999999999\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		make_tree("one");
		put(".proa/version", marks[i]);
		prepare(1, 1);
		assert_int_equal(version(), 1);
		assert_true(holds(".proa/saved-0/engine-id", "one"));
		fresh(state);
	}
}

/* Without room nothing changes: the newer engine is not to start, and no half copy stays. */
static void test_no_room(void **state)
{
	static char large[64 << 10];
	struct error err = ERROR_INIT;

	(void)state;
	if (getuid() != 0)
		skip();
	assert_int_equal(io_make_dirs(root, NULL), 0);
	if (mount("tmpfs", root, "tmpfs", 0, "size=1m") < 0)
		skip();
	prepare(1, 0);
	make_tree("one");
	memset(large, 'x', sizeof(large) - 1);
	for (int i = 0; i < 10; i++) {
		char path[64];

		snprintf(path, sizeof(path), "image/large%d", i);
		put(path, large);
	}
	assert_int_equal(docker_data_prepare(root, 2, &err), -ENOSPC);
	assert_non_null(strstr(err.message, "no room for a copy"));
	assert_int_equal(version(), 1);
	assert_false(there(".proa/saved-1") || there(".proa/new"));
	for (int i = 0; i < 8; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/image/large%d", root, i);
		assert_int_equal(unlink(path), 0);
	}
	prepare(2, 1);
	assert_true(there(".proa/saved-1/image/large9"));
	assert_int_equal(umount(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_to_copy, fresh),
		cmocka_unit_test_setup(test_copy, fresh),
		cmocka_unit_test_setup(test_one_copy, fresh),
		cmocka_unit_test_setup(test_accepted, fresh),
		cmocka_unit_test_setup(test_mount_within, fresh),
		cmocka_unit_test_setup(test_restore, fresh),
		cmocka_unit_test_setup(test_restore_nothing, fresh),
		cmocka_unit_test_setup(test_restore_interrupted, fresh),
		cmocka_unit_test_setup(test_bad_marks, fresh),
		cmocka_unit_test_setup(test_no_room, fresh),
	};
	int r;

	if (!mkdtemp(folder))
		return 1;
	snprintf(root, sizeof(root), "%s/docker", folder);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	return seed_remove(folder, NULL) == 0 ? r : 1;
}
