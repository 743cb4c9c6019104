/* proa-flip on a disk: its constant bytes, and changing it one sector at a time. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bootloader/flipio.h"
#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/hash.h"
#include "lib/hex.h"
#include "lib/io.h"

enum { OFFSET = 1 << 20 }; /* of the partition in the disk file */

static uint8_t rendered[FLIPFS_SIZE], on_disk[FLIPFS_SIZE];

/* Where O_DIRECT works, and where it does not (tmpfs). */
static const char *const folders[] = {"/var/tmp", "/dev/shm"};
static char path[64];

static void render(void)
{
	struct args args = {.text = "console=ttyS0"};
	struct flip flip;

	flip_init(&flip);
	flipfs_render(rendered, &flip, &args);
}

static void make_disk(const char *folder)
{
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "%s/proa-flipfs-test.XXXXXX", folder);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	render();
	assert_int_equal(io_pwrite_full(fd, rendered, FLIPFS_SIZE, OFFSET), 0);
}

static void read_disk(void)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(io_pread_full(fd, on_disk, FLIPFS_SIZE, OFFSET), 0);
}

static void damage(uint32_t offset, size_t size)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t *junk = malloc(size);

	assert_non_null(junk);
	memset(junk, 0xa5, size);
	assert_int_equal(io_pwrite_full(fd, junk, size, OFFSET + offset), 0);
	free(junk);
}

static const struct rules_facts running_a = {.running = FLIP_SLOT_A, .gate_passed = true};

/* The format is frozen: machines in the field have these bytes. */
static void test_constant_bytes(void **state)
{
	uint8_t hash[HASH_SIZE];
	char text[HASH_HEX_SIZE];

	(void)state;
	render();
	assert_int_equal(hash_bytes(rendered, FLIPFS_METADATA_SIZE, hash), 0);
	hex_encode(hash, HASH_SIZE, text);
	assert_string_equal(text,
			    "a57c663b412d8db35c7e119e40a3317b27012483da3d102a30c6c0920d32f54e");
	assert_int_equal(hash_bytes(rendered, FLIPFS_SIZE, hash), 0);
	hex_encode(hash, HASH_SIZE, text);
	assert_string_equal(text,
			    "4761b15a537518551c6ece6ae2fdf5df787d52551c1a9d321543544efee06af5");
}

/* Each of the files is found at its offset through the file system's own numbers. */
static void test_offsets(void **state)
{
	static const struct {
		const char *name;
		uint32_t offset, size;
	} files[] = {
		{FLIPFS_NAME_BLOCK, FLIPFS_BLOCK_OFFSET, FLIP_BLOCK_SIZE},
		{FLIPFS_NAME_MIRROR, FLIPFS_MIRROR_OFFSET, FLIP_BLOCK_SIZE},
		{FLIPFS_NAME_ARGS, FLIPFS_ARGS_OFFSET, FLIPFS_ARGS_SIZE},
		{FLIPFS_NAME_LOG, FLIPFS_LOG_OFFSET, FLIPFS_LOG_SIZE},
	};
	const uint8_t *root = rendered + 5 * FLIPFS_BLOCK_SIZE;
	size_t found = 0;

	(void)state;
	render();
	for (uint32_t at = 0; at < FLIPFS_BLOCK_SIZE; at += bytes_get_le16(root + at + 4)) {
		uint32_t inode = bytes_get_le32(root + at);
		const uint8_t *data = rendered + 4 * FLIPFS_BLOCK_SIZE + (size_t)(inode - 1) * 128;

		assert_true(bytes_get_le16(root + at + 4) >= 12);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			if (strlen(files[i].name) != root[at + 6] ||
			    memcmp(files[i].name, root + at + 8, root[at + 6]) != 0)
				continue;
			assert_int_equal(bytes_get_le32(data + 4), files[i].size);
			assert_int_equal(bytes_get_le32(data + 40) * FLIPFS_BLOCK_SIZE,
					 files[i].offset);
			found++;
		}
	}
	assert_int_equal(found, 4);
}

static void test_checked_by_e2fsck(void **state)
{
	char command[256];
	_cleanup_fd_ int fd = -1;
	int status;

	(void)state;
	if (access("/sbin/e2fsck", X_OK) != 0 && access("/usr/sbin/e2fsck", X_OK) != 0)
		skip();
	render();
	snprintf(path, sizeof(path), "%s/proa-flipfs-test.XXXXXX", folders[0]);
	fd = mkstemp(path);
	assert_int_equal(io_pwrite_full(fd, rendered, FLIPFS_SIZE, 0), 0);
	snprintf(command, sizeof(command),
		 "PATH=$PATH:/sbin:/usr/sbin e2fsck -fn %s >/dev/null 2>&1", path);
	status = system(command);
	unlink(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void event_changes_one_sector(uint32_t sector_size)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct error err = ERROR_INIT;
	struct rules_outcome outcome;
	struct flipio_state found;
	size_t changed = 0;

	if (flipio_open(&io, path, OFFSET, sector_size, &err) < 0)
		fail_msg("%s", err.message);
	if (flipio_event(&io, RULES_SETTLED, &running_a, &outcome, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(outcome.changed);
	assert_int_equal(flipio_read(&io, &found, &err), 0);
	assert_true(found.same && flip_equal(&found.block, &outcome.block));
	assert_true(found.block.slots[FLIP_SLOT_A].good);

	read_disk();
	for (size_t at = 0; at < FLIPFS_SIZE; at++) {
		if (rendered[at] == on_disk[at])
			continue;
		changed++;
		assert_true((at >= FLIPFS_BLOCK_OFFSET && at < FLIPFS_BLOCK_OFFSET + 512) ||
			    (at >= FLIPFS_MIRROR_OFFSET && at < FLIPFS_MIRROR_OFFSET + 512));
	}
	assert_int_equal(changed, 2); /* a_good, twice: a_left was 4 already */
}

static void test_event(void **state)
{
	static const uint32_t sector_sizes[] = {512, 4096, 0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 3; j++) {
			make_disk(folders[i]);
			event_changes_one_sector(sector_sizes[j]);
			unlink(path);
		}
	}
}

/* Sets block or mirror back to what the installer wrote. */
static void stale(uint32_t offset)
{
	_cleanup_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(io_pwrite_full(fd, rendered + offset, 512, OFFSET + offset), 0);
}

static void test_mirror_follows(void **state)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct rules_facts before_gate = {.running = FLIP_SLOT_A};
	struct rules_outcome outcome;
	struct flipio_state found;

	(void)state;
	make_disk(folders[0]);
	assert_int_equal(flipio_open(&io, path, OFFSET, 0, NULL), 0);
	assert_int_equal(flipio_event(&io, RULES_SETTLED, &running_a, NULL, NULL), 0);
	stale(FLIPFS_MIRROR_OFFSET); /* as GRUB leaves it behind */
	assert_int_equal(flipio_read(&io, &found, NULL), 0);
	assert_true(found.block_whole && found.mirror_whole && !found.same);

	/* An event that changes nothing brings the mirror up to date all the same. */
	assert_int_equal(flipio_event(&io, RULES_GATE_PASSED, &before_gate, &outcome, NULL), 0);
	assert_false(outcome.changed);
	assert_int_equal(flipio_read(&io, &found, NULL), 0);
	assert_true(found.same && found.block.slots[FLIP_SLOT_A].good);
	unlink(path);
}

static void test_refused(void **state)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	make_disk(folders[0]);
	assert_int_equal(flipio_open(&io, path, OFFSET, 0, NULL), 0);
	assert_int_equal(flipio_event(&io, RULES_CANCEL, &running_a, NULL, &err), -EPERM);
	assert_string_equal(err.message, "cancel refused: no flip is pending");
	read_disk();
	assert_memory_equal(on_disk, rendered, FLIPFS_SIZE);
	unlink(path);
}

static void test_damage(void **state)
{
	static const struct {
		bool block, mirror;
		uint8_t left; /* of slot A after repair */
	} rows[] = {{true, false, 3}, {false, true, 4}, {true, true, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
		struct rules_outcome outcome;
		struct flipio_state found;
		int r;

		make_disk(folders[0]);
		if (rows[i].block)
			damage(FLIPFS_BLOCK_OFFSET + 40, 3);
		if (rows[i].mirror)
			damage(FLIPFS_MIRROR_OFFSET, 512);
		assert_int_equal(flipio_open(&io, path, OFFSET, 0, NULL), 0);
		assert_int_equal(flipio_read(&io, &found, NULL), 0);
		assert_int_equal(found.block_whole, !rows[i].block);
		assert_int_equal(found.mirror_whole, !rows[i].mirror);
		if (rows[i].block && rows[i].mirror) {
			r = flipio_event(&io, RULES_SETTLED, &running_a, NULL, NULL);
			assert_int_equal(r, -EBADMSG);
		}
		r = flipio_event(&io, RULES_REPAIR, &running_a, &outcome, NULL);
		assert_int_equal(r, 0);
		assert_true(outcome.changed);
		assert_int_equal(flipio_read(&io, &found, NULL), 0);
		assert_true(found.same);
		assert_int_equal(found.block.slots[FLIP_SLOT_A].left, rows[i].left);
		assert_int_equal(flipio_event(&io, RULES_REPAIR, &running_a, &outcome, NULL), 0);
		assert_false(outcome.changed);
		unlink(path);
	}
}

static void test_metadata_repaired(void **state)
{
	static const struct {
		uint32_t offset;
		size_t size;
		unsigned int blocks;
	} rows[] = {
		{1024, 4, 1},                         /* superblock */
		{4 * FLIPFS_BLOCK_SIZE + 1500, 1, 1}, /* an inode */
		{0, FLIPFS_METADATA_SIZE, 8},         /* everything */
		{FLIPFS_BLOCK_OFFSET, 512, 0},        /* contents are left alone */
		{FLIPFS_LOG_OFFSET, FLIPFS_LOG_SIZE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
		unsigned int repaired;

		make_disk(folders[i % 2]);
		damage(rows[i].offset, rows[i].size);
		assert_int_equal(flipio_open(&io, path, OFFSET, i % 3 ? 512 : 4096, NULL), 0);
		assert_int_equal(flipio_repair_metadata(&io, &repaired, NULL), 0);
		assert_int_equal(repaired, rows[i].blocks);
		read_disk();
		assert_memory_equal(on_disk, rendered, FLIPFS_METADATA_SIZE);
		assert_int_equal(flipio_repair_metadata(&io, &repaired, NULL), 0);
		assert_int_equal(repaired, 0);
		unlink(path);
	}
}

static void test_args(void **state)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct args args, set = {.text = "quiet nosmt", .menu = true}, bad = {.text = "panic=0"};

	(void)state;
	make_disk(folders[0]);
	assert_int_equal(flipio_open(&io, path, OFFSET, 0, NULL), 0);
	assert_int_equal(flipio_args_get(&io, &args, NULL), 0);
	assert_string_equal(args.text, "console=ttyS0");
	assert_int_equal(flipio_args_set(&io, &set, NULL), 0);
	assert_int_equal(flipio_args_set(&io, &bad, NULL), -EINVAL);
	assert_int_equal(flipio_args_get(&io, &args, NULL), 0);
	assert_string_equal(args.text, "quiet nosmt");
	assert_true(args.menu);
	read_disk();
	assert_memory_equal(on_disk, rendered, FLIPFS_ARGS_OFFSET);
	assert_memory_equal(on_disk + FLIPFS_LOG_OFFSET, rendered + FLIPFS_LOG_OFFSET,
			    FLIPFS_SIZE - FLIPFS_LOG_OFFSET);
	unlink(path);
}

static void test_records(void **state)
{
	static _Alignas(4096) uint8_t record[FLIPFS_BLOCK_SIZE], seen[FLIPFS_BLOCK_SIZE];
	const uint32_t last = FLIPFS_LOG_OFFSET + FLIPFS_LOG_SIZE - FLIPFS_BLOCK_SIZE;
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;

	(void)state;
	make_disk(folders[0]);
	assert_int_equal(flipio_open(&io, path, OFFSET, 0, NULL), 0);
	memset(record, 7, sizeof(record));
	assert_int_equal(flipio_record_write(&io, last, record, NULL), 0);
	assert_int_equal(flipio_record_read(&io, last, seen, NULL), 0);
	assert_memory_equal(record, seen, sizeof(record));
	assert_int_equal(flipio_record_write(&io, last + FLIPFS_BLOCK_SIZE, record, NULL), -EINVAL);
	assert_int_equal(flipio_record_write(&io, FLIPFS_BLOCK_OFFSET, record, NULL), -EINVAL);
	assert_int_equal(flipio_record_write(&io, FLIPFS_LOG_OFFSET + 512, record, NULL), -EINVAL);
	unlink(path);
}

static void test_locked(void **state)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	_cleanup_fd_ int other = -1;

	(void)state;
	make_disk(folders[0]);
	assert_int_equal(flipio_open(&io, path, OFFSET, 0, NULL), 0);
	other = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	flipio_close(&io);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	unlink(path);
}

static void test_cannot_open(void **state)
{
	struct flipio io = FLIPIO_INIT;
	struct error err = ERROR_INIT;
	struct flipio_state found;

	(void)state;
	assert_int_equal(flipio_open(&io, "/nowhere/disk", 0, 0, &err), -ENOENT);
	assert_non_null(strstr(err.message, "/nowhere/disk"));
	assert_int_equal(io.fd, -1);

	make_disk(folders[0]);
	assert_int_equal(flipio_open(&io, path, 0, 520, &err), -EINVAL);
	assert_int_equal(flipio_open_read(&io, path, OFFSET, 0, &err), 0);
	assert_int_equal(flipio_read(&io, &found, &err), 0);
	assert_true(found.same);
	assert_int_equal(flipio_event(&io, RULES_SETTLED, &running_a, NULL, &err), -EBADF);
	flipio_close(&io);

	/* A disk that ends before the partition. */
	assert_int_equal(flipio_open(&io, path, 8 << 20, 0, &err), 0);
	assert_int_equal(flipio_read(&io, &found, &err), -ENODATA);
	flipio_close(&io);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant_bytes),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_checked_by_e2fsck),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_mirror_follows),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_metadata_repaired),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_cannot_open),
	};

	return cmocka_run_group_tests_name("proa-flip", tests, NULL, NULL);
}
