/* The boot log ring: records, broken records, and what a later boot reads. */
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

#include "bootloader/bootlog.h"
#include "bootloader/flipfs.h"
#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/hash.h"
#include "lib/io.h"

enum { START = 1 << 20 }; /* where proa-flip begins in the file */

static struct bootlog_record sample(uint64_t boot, uint64_t sequence)
{
	struct bootlog_record record = {
		.boot = boot,
		.sequence = sequence,
		.id = {1, 2, 3},
		.time = 1790000000,
		.uptime_ms = 61234,
		.slot = 'b',
		.stage = BOOTLOG_STATE,
		.end = BOOTLOG_FAILED,
		.flags = BOOTLOG_LASTRESORT,
		.flip = "b,0,0,1,1,a,101112",
		.version = "2026.11.0",
		.reason = "System Docker does not answer",
		.lines = "one\ntwo\n",
	};

	record.id[15] = (uint8_t)boot;
	return record;
}

static void test_round_trip(void **state)
{
	uint8_t bytes[BOOTLOG_RECORD_SIZE];
	struct bootlog_record record = sample(7, 3), got;

	(void)state;
	assert_int_equal(bootlog_render(&record, bytes), 0);
	assert_int_equal(bootlog_parse(bytes, &got), 0);
	assert_memory_equal(&got, &record, sizeof(got));

	/* Lines at the limit and one past it; a reason that is too long. */
	memset(record.lines, 'x', sizeof(record.lines));
	memset(record.reason, 'y', sizeof(record.reason));
	assert_int_equal(bootlog_render(&record, bytes), 0);
	assert_int_equal(bootlog_parse(bytes, &got), 0);
	assert_int_equal(strlen(got.lines), BOOTLOG_LINES_MAX);
	assert_int_equal(strlen(got.reason), BOOTLOG_REASON_SIZE - 1);
}

/* Every single byte that is flipped is noticed. */
static void test_flipped_bytes(void **state)
{
	uint8_t bytes[BOOTLOG_RECORD_SIZE];
	struct bootlog_record record = sample(7, 3), got;

	(void)state;
	assert_int_equal(bootlog_render(&record, bytes), 0);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 0x40;
		assert_int_equal(bootlog_parse(bytes, &got), i < 8 ? -ENODATA : -EBADMSG);
		bytes[i] ^= 0x40;
	}
}

/* With a right sum, but values that cannot be. */
static void test_impossible_values(void **state)
{
	static const struct {
		const char *rule;
		size_t at, size;
		uint8_t value;
	} rows[] = {
		{"boot 0", 8, 8, 0},
		{"sequence 0", 16, 8, 0},
		{"a third slot", 56, 1, 'c'},
		{"stage 0", 57, 1, 0},
		{"a stage past the last", 57, 1, 6},
		{"an end past the last", 58, 1, 5},
		{"more lines than there is room", 62, 1, 1},
		{"flip without an end", 64, 32, 'x'},
		{"version without an end", 96, 32, 'x'},
		{"reason without an end", 128, 256, 'x'},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[BOOTLOG_RECORD_SIZE];
		struct bootlog_record record = sample(7, 3), got;

		print_message("  %s\n", rows[i].rule);
		assert_int_equal(bootlog_render(&record, bytes), 0);
		memset(bytes + rows[i].at, rows[i].value, rows[i].size);
		assert_int_equal(hash_bytes(bytes, 4064, bytes + 4064), 0);
		assert_int_equal(bootlog_parse(bytes, &got), -EBADMSG);
	}
}

struct ring {
	char path[64];
	int fd;
};

static int open_ring(void **state)
{
	static struct ring ring;
	struct error err = ERROR_INIT;
	int fd;

	snprintf(ring.path, sizeof(ring.path), "/tmp/bootlog_test.XXXXXX");
	fd = mkstemp(ring.path);
	if (fd < 0 || ftruncate(fd, START + FLIPFS_SIZE) < 0)
		return -1;
	close(fd);
	ring.fd = bootlog_open(ring.path, &err);
	*state = &ring;
	return ring.fd < 0 ? -1 : 0;
}

static int close_ring(void **state)
{
	struct ring *ring = *state;

	close(ring->fd);
	unlink(ring->path);
	return 0;
}

struct seen {
	uint64_t boots[BOOTLOG_BOOTS], sequences[BOOTLOG_BOOTS];
	size_t count;
};

static int see(void *context, const struct bootlog_record *record)
{
	struct seen *seen = context;

	assert_true(seen->count < BOOTLOG_BOOTS);
	seen->boots[seen->count] = record->boot;
	seen->sequences[seen->count++] = record->sequence;
	return 0;
}

static struct seen read_ring(int fd, uint64_t after)
{
	struct seen seen = {.count = 0};

	assert_int_equal(bootlog_each(fd, START, after, see, &seen, NULL), 0);
	return seen;
}

static void write_one(int fd, uint64_t boot, uint64_t sequence)
{
	struct bootlog_record record = sample(boot, sequence);

	assert_int_equal(bootlog_write(fd, START, &record, NULL), 0);
}

static void test_ring(void **state)
{
	struct ring *ring = *state;
	struct bootlog_record record = sample(3, 1);
	uint8_t other[BOOTLOG_ID_SIZE] = {9};
	struct seen seen;

	assert_int_equal(bootlog_number(ring->fd, START, other), 1);
	assert_int_equal(read_ring(ring->fd, 0).count, 0);

	for (uint64_t boot = 1; boot <= 3; boot++)
		write_one(ring->fd, boot, 1);
	write_one(ring->fd, 2, 2);
	write_one(ring->fd, 2, 3);
	assert_int_equal(bootlog_number(ring->fd, START, other), 4);
	assert_int_equal(bootlog_number(ring->fd, START, record.id), 3); /* the same boot goes on */
	seen = read_ring(ring->fd, 0);
	assert_int_equal(seen.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(seen.boots[i], i + 1);
		assert_int_equal(seen.sequences[i], i == 1 ? 3 : 1);
	}
	assert_int_equal(read_ring(ring->fd, 2).count, 1);

	record.sequence = 0;
	assert_int_equal(bootlog_write(ring->fd, START, &record, NULL), -EINVAL);
}

static void test_ring_wraps(void **state)
{
	struct ring *ring = *state;
	uint8_t other[BOOTLOG_ID_SIZE] = {9};
	struct seen seen;

	for (uint64_t boot = 1; boot <= BOOTLOG_BOOTS + 10; boot++)
		write_one(ring->fd, boot, 1);
	seen = read_ring(ring->fd, 0);
	assert_int_equal(seen.count, BOOTLOG_BOOTS);
	assert_int_equal(seen.boots[0], 11);
	assert_int_equal(seen.boots[BOOTLOG_BOOTS - 1], BOOTLOG_BOOTS + 10);
	assert_int_equal(bootlog_number(ring->fd, START, other), BOOTLOG_BOOTS + 11);
}

/* A write that was cut: the record before it is still there. */
static void test_torn_write(void **state)
{
	struct ring *ring = *state;
	_cleanup_fd_ int fd = open(ring->path, O_RDWR | O_CLOEXEC);
	const uint8_t zeros[2048] = {0};
	uint64_t place = START + FLIPFS_LOG_OFFSET + (uint64_t)(5 * 2 + 1) * BOOTLOG_RECORD_SIZE;
	struct seen seen;

	write_one(ring->fd, 5, 2);
	write_one(ring->fd, 5, 3);
	assert_int_equal(io_pwrite_full(fd, zeros, sizeof(zeros), place + 2048), 0);
	seen = read_ring(ring->fd, 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.sequences[0], 2);

	/* A whole record at a place that is not its own counts for nothing. */
	struct bootlog_record stray = sample(900, 1);
	uint8_t bytes[BOOTLOG_RECORD_SIZE];

	assert_int_equal(bootlog_render(&stray, bytes), 0);
	assert_int_equal(io_pwrite_full(fd, bytes, sizeof(bytes), place), 0);
	assert_int_equal(read_ring(ring->fd, 0).count, 1);
	assert_int_equal(bootlog_number(ring->fd, START, zeros), 6);
}

/* A part that cannot be read (here: behind the file's end) costs its own records, no other. */
static void test_unreadable_part(void **state)
{
	struct ring *ring = *state;
	uint8_t other[BOOTLOG_ID_SIZE] = {9};

	for (uint64_t boot = 1; boot <= 5; boot++)
		write_one(ring->fd, boot, 1);
	assert_int_equal(ftruncate(ring->fd, START + FLIPFS_LOG_OFFSET + 8 * BOOTLOG_RECORD_SIZE),
			 0);
	assert_int_equal(read_ring(ring->fd, 0).count, 3);
	assert_int_equal(bootlog_number(ring->fd, START, other), 4);

	assert_int_equal(ftruncate(ring->fd, START + FLIPFS_LOG_OFFSET), 0);
	assert_true(bootlog_each(ring->fd, START, 0, see, NULL, NULL) < 0);
}

static void test_describe(void **state)
{
	static const struct {
		enum bootlog_stage stage;
		enum bootlog_end end;
		const char *text;
	} rows[] = {
		{BOOTLOG_INITRAMFS, BOOTLOG_FAILED,
		 "stage 1 failed: System Docker does not answer"},
		{BOOTLOG_STATE, BOOTLOG_FAILED, "stage 2 failed: System Docker does not answer"},
		{BOOTLOG_SETTLED, BOOTLOG_REBOOT, "orderly reboot, settled"},
		{BOOTLOG_GATE, BOOTLOG_POWEROFF, "orderly power-off, with the health gate passed"},
		{BOOTLOG_SETTLED, BOOTLOG_RUNNING,
		 "reset, last heartbeat at 2026-09-21T14:13:20Z, 61 s after its start, settled"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bootlog_record record = sample(1, 1);
		char text[512];

		record.stage = rows[i].stage;
		record.end = rows[i].end;
		record.flags &= ~(unsigned int)BOOTLOG_DEGRADED;
		bootlog_describe(&record, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

/* What was wrong in a boot that went on all the same; one line, whatever somebody wrote. */
static void test_describe_degraded(void **state)
{
	struct bootlog_record record = sample(1, 1);
	char text[512];

	(void)state;
	record.flags |= BOOTLOG_DEGRADED;
	record.stage = BOOTLOG_GATE;
	record.end = BOOTLOG_REBOOT;
	snprintf(record.reason, sizeof(record.reason), "check a\nboot=7 failed");
	bootlog_describe(&record, text, sizeof(text));
	assert_string_equal(text, "orderly reboot, with the health gate passed; degraded: check a "
				  "boot=7 failed");
	record.reason[0] = '\0';
	bootlog_describe(&record, text, sizeof(text));
	assert_string_equal(text, "orderly reboot, with the health gate passed");
	/* Its reason is the failure's. */
	record.end = BOOTLOG_FAILED;
	snprintf(record.reason, sizeof(record.reason), "no disk");
	bootlog_describe(&record, text, sizeof(text));
	assert_string_equal(text, "stage 2 failed: no disk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_flipped_bytes),
		cmocka_unit_test(test_impossible_values),
		cmocka_unit_test_setup_teardown(test_ring, open_ring, close_ring),
		cmocka_unit_test_setup_teardown(test_ring_wraps, open_ring, close_ring),
		cmocka_unit_test_setup_teardown(test_torn_write, open_ring, close_ring),
		cmocka_unit_test_setup_teardown(test_unreadable_part, open_ring, close_ring),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_describe_degraded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
