/* The slot writer: whose fault it is, the bundle's or the disk's. */
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
#include "lib/format/slot_write.h"
#include "lib/io.h"
#include "tests/unit/support/release.h"

#define SLOT_SIZE (2 * LAYOUT_MIB)

/* A disk that fails: calls of a kind that still succeed, and what comes then. */
enum fault { NO_FAULT, READ_FAILS, READ_DIFFERS, READ_ENDS, WRITE_FAILS };
static enum fault fault;
static int fault_errno, calls_left;

/* In place of libc's, whose names these are under _FILE_OFFSET_BITS=64: lib/io.c calls them. */
ssize_t faulty_pread(int fd, void *buffer, size_t size, off_t offset) __asm__("pread64");
ssize_t faulty_pwrite(int fd, const void *buffer, size_t size, off_t offset) __asm__("pwrite64");

static bool is_due(void)
{
	return calls_left-- <= 0;
}

ssize_t faulty_pread(int fd, void *buffer, size_t size, off_t offset)
{
	ssize_t n = syscall(SYS_pread64, fd, buffer, size, offset);

	if (fault == NO_FAULT || fault == WRITE_FAILS || !is_due())
		return n;
	if (fault == READ_DIFFERS)
		*(uint8_t *)buffer ^= 1;
	if (fault == READ_FAILS) {
		errno = fault_errno;
		return -1;
	}
	return fault == READ_ENDS ? 0 : n;
}

ssize_t faulty_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	if (fault == WRITE_FAILS && is_due()) {
		errno = fault_errno;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, buffer, size, offset);
}

static int make_bundle(const struct release *r)
{
	_cleanup_fd_ int data = release_file(r->data, r->manifest.data_size);
	int fd = release_file("", 0);

	assert_int_equal(bundle_write(fd, &r->manifest, r->text, r->size, &r->signatures, r->index,
				      r->index_size, data, NULL),
			 0);
	return fd;
}

static void test_whose_fault(void **state)
{
	static const struct {
		const char *rule;
		enum fault fault;
		int error, after; /* calls that succeed */
		uint64_t cut;     /* of the bundle, bytes */
		int expected;
		const char *says;
	} rows[] = {
		{"all well", NO_FAULT, 0, 0, 0, 0, ""},
		{"a cut bundle", NO_FAULT, 0, 0, 100 << 10, -EBADMSG, "bundle"},
		{"a bad sector", READ_FAILS, ENODATA, 1, 0, -EIO, "use another disk"},
		{"a bad sector later on", READ_FAILS, ENODATA, 2, 0, -EIO, "use another disk"},
		{"under the descriptor", READ_FAILS, ENODATA, 0, 0, -EIO, "slot a"},
		{"a broken cable", READ_FAILS, EIO, 1, 0, -EIO, "use another disk"},
		{"a broken integrity", READ_FAILS, EILSEQ, 1, 0, -EIO, "use another disk"},
		{"other bytes", READ_DIFFERS, 0, 1, 0, -EIO, "use another disk"},
		{"a disk that shrinks", READ_ENDS, 0, 1, 0, -EIO, "use another disk"},
		{"a bad sector when written", WRITE_FAILS, ENODATA, 1, 0, -EIO, "slot a at byte"},
		{"a file system's limit", WRITE_FAILS, EFBIG, 1, 0, -EIO, "slot a at byte"},
		{"no place for the descriptor", WRITE_FAILS, EFBIG, 0, 0, -EIO, "slot a"},
	};
	struct release release;
	struct keyring ring;

	(void)state;
	release_make(&release);
	release_ring(&ring);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_fd_ int file = make_bundle(&release), disk = release_file("", 0);
		_cleanup_bundle_ struct bundle *bundle = NULL;
		const struct slot_writer slot = {.fd = disk, .size = SLOT_SIZE, .letter = 'a'};
		struct error err = ERROR_INIT;
		int r;

		assert_int_equal(ftruncate(disk, SLOT_SIZE), 0);
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		if (rows[i].cut > 0)
			assert_int_equal(ftruncate(file, (off_t)rows[i].cut), 0);
		r = bundle_open(file, &ring, &bundle, &err);
		fault_errno = rows[i].error;
		calls_left = rows[i].after;
		fault = rows[i].fault;
		if (r == 0)
			r = slot_write_image(&slot, bundle, &err);
		fault = NO_FAULT;
		if (r != rows[i].expected || !strstr(err.message, rows[i].says))
			fail_msg("%s: %d \"%s\"", rows[i].rule, r, err.message);
	}
	release_free(&release);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
