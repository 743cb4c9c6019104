/* Seeding System Docker's data root, from one release to the next. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define REPOSITORIES "image/overlay2/repositories.json"
#define IMAGES       "image/overlay2/imagedb/content/sha256/"
#define LAYERS       "image/overlay2/layerdb/sha256/"

static char folder[] = "/tmp/seed-test-XXXXXX";
static char target[64];

static void put(const char *base, const char *path, const char *text)
{
	char full[512], *slash;

	snprintf(full, sizeof(full), "%s/%s", base, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(io_make_dirs(full, NULL), 0);
	*slash = '/';
	unlink(full);
	if (strncmp(text, "-> ", 3) == 0)
		assert_int_equal(symlink(text + 3, full), 0);
	else
		assert_int_equal(io_replace_file(full, text, strlen(text), 0600, NULL), 0);
}

static bool there(const char *path)
{
	char full[512];
	struct stat info;

	snprintf(full, sizeof(full), "%s/%s", target, path);
	return lstat(full, &info) == 0;
}

static bool holds(const char *path, const char *text)
{
	_cleanup_free_ char *found = NULL;
	char full[512];
	size_t size;

	snprintf(full, sizeof(full), "%s/%s", target, path);
	return io_read_file(full, SEED_FILE_MAX, &found, &size, NULL) == 0 && strstr(found, text);
}

/* A release's seed: image iN on layer lN, tagged proa/os:N and :latest. */
static const char *make_seed(int release)
{
	static char source[64];
	char path[256], text[256];

	snprintf(source, sizeof(source), "%s/seed%d", folder, release);
	snprintf(path, sizeof(path), IMAGES "i%d", release);
	put(source, path, "{\"rootfs\":{}}");
	snprintf(path, sizeof(path), LAYERS "l%d/cache-id", release);
	snprintf(text, sizeof(text), "c%d", release);
	put(source, path, text);
	snprintf(path, sizeof(path), "overlay2/c%d/link", release);
	snprintf(text, sizeof(text), "L%d", release);
	put(source, path, text);
	snprintf(path, sizeof(path), "overlay2/c%d/diff", release);
	put(source, path, "-> /layers/os");
	snprintf(path, sizeof(path), "overlay2/l/L%d", release);
	snprintf(text, sizeof(text), "-> ../c%d/diff", release);
	put(source, path, text);
	snprintf(text, sizeof(text),
		 "{\"Repositories\":{\"proa/os\":{\"proa/os:%d\":\"sha256:i%d\","
		 "\"proa/os:latest\":\"sha256:i%d\"}}}",
		 release, release, release);
	put(source, REPOSITORIES, text);
	return source;
}

/* The slot that does not run: as root of it, a folder; "": it cannot be used. */
static char other_root[64];
static int times_opened, times_closed;

static int open_other(char *root, size_t size, struct error *err)
{
	times_opened++;
	snprintf(root, size, "%s", other_root);
	return other_root[0] ? 0 : error_set(err, -EBADMSG, "the other slot is damaged");
}

static void close_other(const char *root)
{
	assert_string_equal(root, other_root);
	times_closed++;
}

static const struct seed_slot slot = {.open = open_other, .close = close_other};

static void seed(int release)
{
	struct error err = ERROR_INIT;

	if (seed_run(make_seed(release), target, &slot, &err) < 0)
		fail_msg("%s", err.message);
}

/* As if the marker were of another release: /run/proa/boot names none on a test machine. */
static void forget_release(void)
{
	_cleanup_free_ char *text = NULL, *changed = NULL;
	char path[128];
	size_t size;
	char *at;

	snprintf(path, sizeof(path), "%s/" SEED_MARKER, target);
	assert_int_equal(io_read_file(path, SEED_FILE_MAX, &text, &size, NULL), 0);
	at = strstr(text, "\"release\":\"");
	assert_non_null(at);
	at += strlen("\"release\":\"");
	assert_true(asprintf(&changed, "%.*sold%s", (int)(at - text), text, at) > 0);
	assert_int_equal(io_replace_file(path, changed, strlen(changed), 0600, NULL), 0);
}

static int fresh(void **state)
{
	(void)state;
	other_root[0] = '\0';
	times_opened = times_closed = 0;
	return seed_remove(target, NULL);
}

static void test_first(void **state)
{
	char link[64] = "", path[128];

	(void)state;
	seed(1);
	assert_true(there(IMAGES "i1"));
	assert_true(holds("overlay2/c1/link", "L1"));
	assert_true(holds(REPOSITORIES, "proa/os:latest"));
	snprintf(path, sizeof(path), "%s/overlay2/c1/diff", target);
	assert_true(readlink(path, link, sizeof(link) - 1) > 0);
	assert_string_equal(link, "/layers/os");
	assert_true(there(SEED_MARKER));
}

/* Whatever a power cut has left of it is put right. */
static void test_mends(void **state)
{
	static const struct {
		const char *path, *torn; /* NULL: missing */
	} rows[] = {
		{IMAGES "i1", ""},
		{IMAGES "i1", NULL},
		{LAYERS "l1/cache-id", "c"},
		{REPOSITORIES, ""},
		{REPOSITORIES, "{\"Repositories\":[]}"},
		{REPOSITORIES, NULL},
		{"overlay2/c1/diff", "a file"},
		{"overlay2/c1/diff", "-> /elsewhere"},
		{"overlay2/l/L1", NULL},
		{SEED_MARKER, "rubbish"},
		{SEED_MARKER, ""},
		{SEED_MARKER, "old\n[1]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[256], link[64] = "";

		seed(1);
		snprintf(path, sizeof(path), "%s/%s", target, rows[i].path);
		unlink(path);
		if (rows[i].torn)
			put(target, rows[i].path, rows[i].torn);
		seed(1);
		assert_true(holds(IMAGES "i1", "rootfs"));
		assert_true(holds(LAYERS "l1/cache-id", "c1"));
		assert_true(holds(REPOSITORIES, "\"proa/os:latest\":\"sha256:i1\""));
		snprintf(path, sizeof(path), "%s/overlay2/c1/diff", target);
		assert_true(readlink(path, link, sizeof(link) - 1) > 0);
		assert_string_equal(link, "/layers/os");
		assert_true(there("overlay2/l/L1"));
	}
}

static void make_container(const char *id, const char *labels, const char *image, const char *layer)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "containers/%s/config.v2.json", id);
	snprintf(text, sizeof(text), "{\"Image\":\"%s\",\"Config\":{\"Labels\":{%s}}}", image,
		 labels);
	put(target, path, text);
	snprintf(path, sizeof(path), "image/overlay2/layerdb/mounts/%s/mount-id", id);
	snprintf(text, sizeof(text), "m-%s", id);
	put(target, path, text);
	snprintf(path, sizeof(path), "image/overlay2/layerdb/mounts/%s/parent", id);
	put(target, path, layer);
	snprintf(path, sizeof(path), "overlay2/m-%s/link", id);
	snprintf(text, sizeof(text), "L-%s", id);
	put(target, path, text);
	snprintf(path, sizeof(path), "overlay2/l/L-%s", id);
	put(target, path, "-> ../x/diff");
	snprintf(path, sizeof(path), "overlay2/m-%s-init/link", id);
	snprintf(text, sizeof(text), "I-%s", id);
	put(target, path, text);
	snprintf(path, sizeof(path), "overlay2/l/I-%s", id);
	put(target, path, "-> ../x/diff");
}

static void test_next_release(void **state)
{
	(void)state;
	seed(1);
	make_container("ours", "\"proa.service\":\"udev\"", "sha256:i1", "sha256:l1");
	put(target, "volumes/v/_data/file", "a person's");
	forget_release();
	seed(2);
	assert_true(there(IMAGES "i2") && there(LAYERS "l2") && there("overlay2/c2"));
	assert_true(holds(REPOSITORIES, "\"proa/os:latest\":\"sha256:i2\""));
	assert_false(holds(REPOSITORIES, "proa/os:1"));
	assert_false(there(IMAGES "i1") || there(LAYERS "l1") || there("overlay2/c1") ||
		     there("overlay2/l/L1"));
	assert_false(there("containers/ours") || there("overlay2/m-ours") ||
		     there("overlay2/m-ours-init") || there("overlay2/l/L-ours") ||
		     there("overlay2/l/I-ours") || there("image/overlay2/layerdb/mounts/ours"));
	assert_true(holds("volumes/v/_data/file", "a person's"));
}

/*
 * Seeding that was cut short has changed the store: the release before, where
 * the machine falls back to it, must not find its own hash and skip its seeding.
 */
static void test_cut_short(void **state)
{
	char fifo[128];

	(void)state;
	seed(1);
	put(target, SEED_MARKER,
	    "old\n{\"release\":\"old\",\"tags\":[\"proa/os:1\",\"proa/os:latest\"],"
	    "\"entries\":[\"" IMAGES "i1\",\"" LAYERS "l1\"]}\n");
	snprintf(fifo, sizeof(fifo), "%s/fifo", make_seed(2));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(seed_run(make_seed(2), target, &slot, NULL), -EINVAL);
	assert_true(there(SEED_MARKER));
	assert_false(holds(SEED_MARKER, "old"));

	print_message("  what it has left is still taken away\n");
	assert_int_equal(unlink(fifo), 0);
	seed(2);
	assert_true(there(IMAGES "i2"));
	assert_false(there(IMAGES "i1") || there(LAYERS "l1") || there("overlay2/c1"));
}

/* A store that is right serves, though its marker cannot be written: the disk is full. */
static void test_no_marker(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/" SEED_MARKER ".new", target);
	seed(1);
	put(target, SEED_MARKER,
	    "old\n{\"release\":\"old\",\"tags\":[\"proa/os:1\"],\"entries\":[\"" IMAGES "i1\"]}\n");
	assert_int_equal(mkdir(path, 0700), 0); /* where the marker is written first */
	seed(2);
	assert_true(there(IMAGES "i2"));
	assert_false(there(IMAGES "i1") || there(SEED_MARKER));
	seed(1);
	assert_true(holds(REPOSITORIES, "\"proa/os:latest\":\"sha256:i1\""));
}

/* What a person has in System Docker keeps what it stands on. */
static void test_keeps(void **state)
{
	(void)state;

	print_message("  a container\n");
	seed(1);
	make_container("theirs", "", "sha256:i1", "sha256:l1");
	forget_release();
	seed(2);
	assert_true(there("containers/theirs") && there("overlay2/m-theirs"));
	assert_true(there(IMAGES "i1") && there(LAYERS "l1") && there("overlay2/c1"));
	fresh(state);

	print_message("  an image built on the layer, and its tag\n");
	seed(1);
	put(target, LAYERS "upper/parent", "sha256:l1");
	put(target, IMAGES "built", "{}");
	put(target, REPOSITORIES,
	    "{\"Repositories\":{\"mine\":{\"mine:1\":\"sha256:built\"},\"proa/os\":{"
	    "\"proa/os:1\":\"sha256:i1\",\"proa/os:latest\":\"sha256:i1\"}}}");
	forget_release();
	seed(2);
	assert_true(there(LAYERS "l1") && there("overlay2/c1") && there(IMAGES "built"));
	assert_true(holds(REPOSITORIES, "mine:1"));
	assert_false(there(IMAGES "i1"));
	fresh(state);

	print_message("  a tag on the image itself: its layers stay too\n");
	seed(1);
	put(target, REPOSITORIES,
	    "{\"Repositories\":{\"mine\":{\"mine:1\":\"sha256:i1\"},\"proa/os\":{"
	    "\"proa/os:1\":\"sha256:i1\",\"proa/os:latest\":\"sha256:i1\"}}}");
	forget_release();
	seed(2);
	assert_true(there(IMAGES "i1") && there(LAYERS "l1") && there("overlay2/c1"));
}

/* What a link in the store leads to; "": it is none. */
static const char *leads_to(const char *path)
{
	static char link[128];
	char full[256];
	ssize_t size;

	snprintf(full, sizeof(full), "%s/%s", target, path);
	size = readlink(full, link, sizeof(link) - 1);
	link[size > 0 ? size : 0] = '\0';
	return link;
}

/* An image that a person has built on the layer of release 1, whose slot is `other` then. */
static void build_on_layer(void)
{
	seed(1);
	put(target, LAYERS "upper/parent", "sha256:l1");
	put(target, LAYERS "upper/cache-id", "c-upper");
	put(target, "overlay2/c-upper/diff/made", "by a person");
	put(target, IMAGES "built", "{}");
	put(target, REPOSITORIES,
	    "{\"Repositories\":{\"mine\":{\"mine:1\":\"sha256:built\"},\"proa/os\":{"
	    "\"proa/os:1\":\"sha256:i1\",\"proa/os:latest\":\"sha256:i1\"}}}");
	forget_release();
}

static void make_other_slot(void)
{
	snprintf(other_root, sizeof(other_root), "%s/other", folder);
	put(other_root, "seed/overlay2/c1/diff", "-> /layers/os");
	put(other_root, "layers/os/bin/sh", "of release 1");
	put(other_root, "layers/os/lib", "-> usr/lib");
}

static void test_layers_are_copied(void **state)
{
	(void)state;
	make_other_slot();
	build_on_layer();
	put(target, "overlay2/c1/diff.new/torn", "of a copy that was cut short");
	seed(2);
	assert_true(holds("overlay2/c1/diff/bin/sh", "of release 1"));
	assert_string_equal(leads_to("overlay2/c1/diff/lib"), "usr/lib");
	assert_string_equal(leads_to("overlay2/c1/diff"), "");
	assert_string_equal(leads_to("overlay2/l/L1"), "../c1/diff");
	assert_string_equal(leads_to("overlay2/c2/diff"), "/layers/os");
	assert_false(there("overlay2/c1/diff.new") || there("overlay2/c1/diff/torn"));
	assert_int_equal(times_opened, 1);
	assert_int_equal(times_closed, 1);

	print_message("  nothing is opened where all is there\n");
	forget_release();
	seed(3);
	assert_true(holds("overlay2/c1/diff/bin/sh", "of release 1"));
	assert_int_equal(times_opened, 1);

	print_message("  back in the release itself: its own layer again, and no copy\n");
	forget_release();
	seed(1);
	assert_string_equal(leads_to("overlay2/c1/diff"), "/layers/os");
	assert_true(there(LAYERS "upper") && holds(REPOSITORIES, "mine:1"));
}

/* Another slot's userland in its place would be worse than none. */
static void test_layers_are_lost(void **state)
{
	char path[128];

	(void)state;
	build_on_layer();
	seed(2);
	assert_string_equal(leads_to("overlay2/c1/diff"), SEED_LOST);
	assert_false(there("overlay2/c1/diff.new"));
	assert_true(there(SEED_MARKER) && holds(REPOSITORIES, "proa/os:2"));
	assert_int_equal(times_opened, 1);
	assert_int_equal(times_closed, 0);
	fresh(state);

	print_message("  the other slot holds another release\n");
	make_other_slot();
	snprintf(path, sizeof(path), "%s/seed/overlay2/c1", other_root);
	assert_int_equal(seed_remove(path, NULL), 0);
	build_on_layer();
	seed(2);
	assert_string_equal(leads_to("overlay2/c1/diff"), SEED_LOST);
	assert_int_equal(times_closed, 1);

	print_message("  it is found again: as with a fall back and the upgrade after it\n");
	make_other_slot();
	forget_release();
	seed(3);
	assert_true(holds("overlay2/c1/diff/bin/sh", "of release 1"));
	fresh(state);

	print_message("  one who cannot wait lets them alone\n");
	make_other_slot();
	build_on_layer();
	assert_int_equal(seed_run(make_seed(2), target, NULL, NULL), 0);
	assert_int_equal(times_opened, 0);
	/* Nor does it say that all is done. */
	assert_true(holds(SEED_MARKER, "unfinished"));
}

/* The next boot tries again, and its seeding is not skipped. */
static void test_layers_no_room(void **state)
{
	char path[256];
	int fd;

	(void)state;
	if (getuid() != 0 || io_make_dirs(target, NULL) < 0 ||
	    mount("tmpfs", target, "tmpfs", 0, "size=1m") < 0)
		skip();
	make_other_slot();
	snprintf(path, sizeof(path), "%s/layers/os/large", other_root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 2 << 20), 0);
	build_on_layer();
	seed(2);
	assert_string_equal(leads_to("overlay2/c1/diff"), SEED_LOST);
	assert_true(holds(SEED_MARKER, "unfinished"));
	assert_int_equal(ftruncate(fd, 1000), 0);
	close(fd);
	seed(2);
	assert_true(holds("overlay2/c1/diff/bin/sh", "of release 1"));
	assert_false(holds(SEED_MARKER, "unfinished"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(umount(target), 0);
}

/* System Docker is not mended while its store is being prepared. */
static void test_busy(void **state)
{
	int fd;

	(void)state;
	seed(1);
	assert_false(seed_is_busy(target));
	fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_true(seed_is_busy(target));
	close(fd);
	assert_false(seed_is_busy(target));
}

/* A marker is read from a disk: it can't make us remove anything else. */
static void test_hostile_marker(void **state)
{
	(void)state;
	seed(1);
	put(target, "keep/file", "x");
	put(target, SEED_MARKER,
	    "old\n{\"release\":\"old\",\"tags\":[1,{}],\"entries\":[7,\"keep\",\"\",\"" IMAGES
	    "..\","
	    "\"" IMAGES "../../../../keep\",\"" LAYERS "\",\"" LAYERS "../sha256\"]}");
	seed(2);
	assert_true(holds("keep/file", "x"));
	assert_true(there(IMAGES "i1") && there(IMAGES "i2"));
}

static void test_no_seed(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(seed_run("/nonexistent/seed", target, &slot, &err), -ENOENT);
	assert_false(there(SEED_MARKER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first, fresh),
		cmocka_unit_test_setup(test_mends, fresh),
		cmocka_unit_test_setup(test_next_release, fresh),
		cmocka_unit_test_setup(test_cut_short, fresh),
		cmocka_unit_test_setup(test_no_marker, fresh),
		cmocka_unit_test_setup(test_keeps, fresh),
		cmocka_unit_test_setup(test_layers_are_copied, fresh),
		cmocka_unit_test_setup(test_layers_are_lost, fresh),
		cmocka_unit_test_setup(test_layers_no_room, fresh),
		cmocka_unit_test_setup(test_busy, fresh),
		cmocka_unit_test_setup(test_hostile_marker, fresh),
		cmocka_unit_test_setup(test_no_seed, fresh),
	};
	int r;

	if (!mkdtemp(folder))
		return 1;
	snprintf(target, sizeof(target), "%s/target", folder);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	return seed_remove(folder, NULL) == 0 ? r : 1;
}
