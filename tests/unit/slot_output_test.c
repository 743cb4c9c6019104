/* What goes into a slot through the gathering thread: all of it, in whole pieces, and errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/layout.h"
#include "lib/format/slot_output.h"
#include "tests/unit/support/release.h"

#define SLOT_OFFSET (3 * LAYOUT_MIB)
#define SIZE        (8 * LAYOUT_MIB)
#define PIECE       (256 << 10)

static unsigned int writes, unaligned;
static int fails_at; /* this write and no other; 0: none */

/* In place of libc's, whose name this is under _FILE_OFFSET_BITS=64: lib/io.c calls it. */
ssize_t noted_pwrite(int fd, const void *buffer, size_t size, off_t offset) __asm__("pwrite64");

ssize_t noted_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	writes++;
	if (offset % 4096 != 0 || size % 4096 != 0)
		unaligned++;
	if (fails_at > 0 && writes == (unsigned int)fails_at) {
		errno = ENODATA;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, buffer, size, offset);
}

/* Bytes that tell where they belong. */
static uint8_t *pattern(void)
{
	uint8_t *bytes = malloc(SIZE);

	assert_non_null(bytes);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	return bytes;
}

/* In pieces of a length that divides nothing. The first error, or that of the end. */
static int write_all(struct slot_output *output, const uint8_t *bytes, size_t from, size_t to,
		     struct error *err)
{
	enum { LENGTH = 39997 };
	int r = 0;

	for (size_t at = from; r == 0 && at < to; at += LENGTH)
		r = slot_output_write(output, bytes + at, to - at < LENGTH ? to - at : LENGTH, at,
				      err);
	return r;
}

static void all_arrives(void **state)
{
	_cleanup_slot_output_ struct slot_output *output = NULL;
	_cleanup_fd_ int disk = release_file("", 0);
	const struct slot_writer slot = {
		.fd = disk, .offset = SLOT_OFFSET, .size = SIZE, .letter = 'a'};
	_cleanup_free_ uint8_t *bytes = pattern(), *there = malloc(SIZE);

	(void)state;
	assert_int_equal(slot_output_start(&output, &slot, NULL), 0);
	writes = unaligned = 0;
	assert_int_equal(write_all(output, bytes, 0, SIZE, NULL), 0);
	assert_int_equal(slot_output_sync(output, NULL), 0);
	assert_int_equal(writes, SIZE / PIECE);
	assert_int_equal(unaligned, 0);
	assert_int_equal(pread(disk, there, SIZE, SLOT_OFFSET), SIZE);
	assert_memory_equal(there, bytes, SIZE);
}

/* What is there already is left out, and not touched. */
static void gaps(void **state)
{
	static const size_t parts[][2] = {
		{0, 5000}, {70000, 70001}, {1 << 20, (1 << 20) + 9}, {3000000, SIZE - 1}};
	_cleanup_slot_output_ struct slot_output *output = NULL;
	_cleanup_fd_ int disk = release_file("", 0);
	const struct slot_writer slot = {
		.fd = disk, .offset = SLOT_OFFSET, .size = SIZE, .letter = 'a'};
	_cleanup_free_ uint8_t *bytes = pattern(), *there = malloc(SIZE);
	size_t at = 0;

	(void)state;
	assert_int_equal(ftruncate(disk, SLOT_OFFSET + SIZE), 0);
	assert_int_equal(slot_output_start(&output, &slot, NULL), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		assert_int_equal(write_all(output, bytes, parts[i][0], parts[i][1], NULL), 0);
	assert_int_equal(slot_output_sync(output, NULL), 0);
	assert_int_equal(pread(disk, there, SIZE, SLOT_OFFSET), SIZE);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		for (; at < parts[i][0]; at++)
			assert_int_equal(there[at], 0);
		assert_memory_equal(there + at, bytes + at, parts[i][1] - at);
		at = parts[i][1];
	}
}

/* Whichever write it is: it is told, at the end at the latest, and no later one follows it. */
static void errors(void **state)
{
	_cleanup_free_ uint8_t *bytes = pattern();

	(void)state;
	for (fails_at = 1; fails_at <= (int)(SIZE / PIECE); fails_at++) {
		_cleanup_slot_output_ struct slot_output *output = NULL;
		_cleanup_fd_ int disk = release_file("", 0);
		const struct slot_writer slot = {.fd = disk, .size = SIZE, .letter = 'b'};
		struct error err = ERROR_INIT;
		int r;

		assert_int_equal(slot_output_start(&output, &slot, NULL), 0);
		writes = 0;
		r = write_all(output, bytes, 0, SIZE, &err);
		if (r == 0)
			r = slot_output_sync(output, &err);
		assert_int_equal(r, -EIO);
		assert_non_null(strstr(err.message, "cannot write slot b at byte"));
		assert_int_equal(slot_output_sync(output, &err), -EIO);
		assert_int_equal(writes, fails_at);
	}
	fails_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_arrives),
		cmocka_unit_test(gaps),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
