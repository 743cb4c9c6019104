/* The hash tree, byte for byte as veritysetup makes it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/verity.h"
#include "lib/hex.h"
#include "lib/io.h"

static const uint8_t SALT[VERITY_SALT_SIZE] = {0x70, 0x72, 0x6f, 0x61};

static char folder[] = "/tmp/proa-verity-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* A file of `blocks` blocks that all differ, its tree behind it. */
static int make_file(uint64_t blocks, uint8_t root_hash[HASH_SIZE])
{
	struct error err = ERROR_INIT;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/image", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (uint64_t i = 0; i < blocks; i++) {
		uint8_t block[VERITY_BLOCK];

		memset(block, (int)(i % 251), sizeof(block));
		memcpy(block, &i, sizeof(i));
		assert_int_equal(io_write_full(fd, block, sizeof(block)), 0);
	}
	if (verity_format(fd, 0, blocks * VERITY_BLOCK, SALT, root_hash, &err) < 0)
		fail_msg("%s", err.message);
	return fd;
}

/* Around every point where a level fills up or a new one begins. */
static const uint64_t BLOCKS[] = {1, 2, 127, 128, 129, 255, 256, 257, 16383, 16384, 16385, 16513};
enum { COUNT = sizeof(BLOCKS) / sizeof(BLOCKS[0]) };

static int run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static void as_veritysetup(void **state)
{
	char salt[2 * VERITY_SALT_SIZE + 1], root_hash[HASH_HEX_SIZE];

	(void)state;
	if (run("PATH=$PATH:/sbin:/usr/sbin command -v veritysetup >/dev/null") != 0) {
		print_message("veritysetup (package cryptsetup-bin) is not there: not compared\n");
		skip();
	}
	hex_encode(SALT, sizeof(SALT), salt);
	for (size_t i = 0; i < COUNT; i++) {
		uint8_t root[HASH_SIZE];
		unsigned long long size = BLOCKS[i] * VERITY_BLOCK;

		close(make_file(BLOCKS[i], root));
		hex_encode(root, HASH_SIZE, root_hash);
		assert_int_equal(run("cd %s && head -c %llu image >data && : >tree && "
				     "PATH=$PATH:/sbin:/usr/sbin veritysetup format "
				     "--no-superblock --salt=%s data tree | grep -q %s",
				     folder, size, salt, root_hash),
				 0);
		/* A tree that need not exist is the one thing that veritysetup writes otherwise. */
		if (BLOCKS[i] > 1)
			assert_int_equal(
				run("cd %s && tail -c +%llu image | cmp - tree", folder, size + 1),
				0);
	}
}

static void sizes(void **state)
{
	static const struct {
		uint64_t blocks, tree;
	} rows[] = {
		{1, 0}, {2, 1}, {128, 1}, {129, 3}, {16384, 129}, {16385, 132}, {2097152, 16513},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(verity_tree_size(rows[i].blocks * VERITY_BLOCK),
				 rows[i].tree * VERITY_BLOCK);
}

static int feed_blocks(uint64_t data_size, size_t feed, bool finish)
{
	_cleanup_free_ uint8_t *data = calloc(1, feed ? feed : 1);
	struct verity_builder builder;
	uint8_t root[HASH_SIZE];
	int r = verity_start(&builder, data_size, SALT, NULL, NULL, NULL);

	if (r == 0)
		r = verity_feed(&builder, data, feed, NULL);
	if (r == 0 && finish)
		r = verity_finish(&builder, root, NULL);
	verity_end(&builder);
	verity_end(&builder);
	return r;
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(feed_blocks(0, 0, false), -EINVAL);
	assert_int_equal(feed_blocks(4095, 0, false), -EINVAL);
	assert_int_equal(feed_blocks(UINT64_C(4096) << 42, 0, false), -EINVAL);
	assert_int_equal(feed_blocks((UINT64_C(4096) << 42) - 4096, 4096, false), 0);
	assert_int_equal(feed_blocks(8192, 8192, true), 0);
	assert_int_equal(feed_blocks(8192, 4096, true), -EINVAL);
	assert_int_equal(feed_blocks(8192, 12288, false), -EINVAL);
	assert_int_equal(feed_blocks(8192, 100, false), -EINVAL);
}

/* Every byte of data and tree counts, wherever it is; nothing behind them does. */
static void finds_every_change(void **state)
{
	uint64_t blocks = 300, tree = verity_tree_size(blocks * VERITY_BLOCK);
	uint64_t total = blocks * VERITY_BLOCK + tree;
	struct verity_params params = {.data_blocks = blocks, .hash_start_block = blocks};
	_cleanup_fd_ int fd = make_file(blocks, params.root_hash);
	struct error err = ERROR_INIT;

	(void)state;
	memcpy(params.salt, SALT, sizeof(SALT));
	assert_int_equal(verity_check(fd, 0, &params, VERITY_PAST_CACHE, NULL, NULL, &err), 0);
	for (uint64_t at = 0; at < total; at += 9973) {
		uint8_t byte;

		assert_int_equal(io_pread_full(fd, &byte, 1, at), 0);
		byte ^= 0x80;
		assert_int_equal(io_pwrite_full(fd, &byte, 1, at), 0);
		if (verity_check(fd, 0, &params, VERITY_CACHED, NULL, NULL, &err) != -EBADMSG)
			fail_msg("a change at byte %llu is not found", (unsigned long long)at);
		byte ^= 0x80;
		assert_int_equal(io_pwrite_full(fd, &byte, 1, at), 0);
	}
	assert_int_equal(io_pwrite_full(fd, "x", 1, total), 0);
	assert_int_equal(verity_check(fd, 0, &params, VERITY_CACHED, NULL, NULL, &err), 0);
	params.root_hash[31] ^= 1;
	assert_int_equal(verity_check(fd, 0, &params, VERITY_CACHED, NULL, NULL, &err), -EBADMSG);
	params.root_hash[31] ^= 1;
	assert_int_equal(ftruncate(fd, (off_t)(total - 1)), 0);
	assert_int_equal(verity_check(fd, 0, &params, VERITY_CACHED, NULL, NULL, &err), -ENODATA);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(verity_check(fd, 0, &params, VERITY_CACHED, NULL, NULL, &err), -ENODATA);
}

static int count_and_stop(void *context, uint64_t done, uint64_t total)
{
	int *calls = context;

	assert_true(done <= total);
	return ++*calls == 2 ? -ECANCELED : 0;
}

static void progress_may_stop_it(void **state)
{
	struct verity_params params = {.data_blocks = 1024, .hash_start_block = 1024};
	_cleanup_fd_ int fd = make_file(params.data_blocks, params.root_hash);
	int calls = 0;

	(void)state;
	memcpy(params.salt, SALT, sizeof(SALT));
	assert_int_equal(
		verity_check(fd, 0, &params, VERITY_CACHED, count_and_stop, &calls, NULL),
		-ECANCELED);
	assert_int_equal(calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_veritysetup),
		cmocka_unit_test(sizes),
		cmocka_unit_test(limits),
		cmocka_unit_test(finds_every_change),
		cmocka_unit_test(progress_may_stop_it),
	};

	return cmocka_run_group_tests_name("verity", tests, make_folder, remove_folder);
}
