/* Disk files: what they are, how they are partitioned, what they hold. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <parted/parted.h>

#include "installer/content.h"
#include "lib/inuse.h"
#include "installer/marker.h"
#include "installer/partition.h"
#include "lib/blockdev.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static char path[] = "/tmp/blockdev-test-XXXXXX";

/* An empty disk file of its own for each test. */
static int open_disk(uint64_t size)
{
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void test_probe(void **state)
{
	_cleanup_fd_ int fd = open_disk(8 << 20);
	struct blockdev disk;
	struct error err = ERROR_INIT;
	char use[INUSE_TEXT_SIZE];

	(void)state;
	assert_int_equal(blockdev_probe(path, &disk, &err), 0);
	assert_true(disk.is_file && !disk.read_only && !disk.part_of[0]);
	assert_int_equal(disk.size_bytes, 8 << 20);
	assert_int_equal(disk.sector_bytes, 512);
	assert_string_equal(disk.name, path + 5);
	assert_int_equal(blockdev_members(&disk, NULL, 0, &err), 0);
	assert_int_equal(inuse_find(&disk, fd, use, &err), 0);

	assert_int_equal(fchmod(fd, 0400), 0);
	assert_int_equal(blockdev_probe(path, &disk, &err), 0);
	assert_true(disk.read_only);

	assert_int_equal(blockdev_probe("/nowhere/sda", &disk, &err), -ENOENT);
	assert_non_null(strstr(err.message, "/nowhere/sda"));
	assert_int_equal(blockdev_probe("/tmp", &disk, &err), -ENOTBLK);
	assert_int_equal(blockdev_probe("/dev/null", &disk, &err), -ENOTBLK);
}

/* A running virtual machine locks its disk files. */
static void test_lock(void **state)
{
	_cleanup_fd_ int fd = open_disk(8 << 20);
	_cleanup_fd_ int other = open(path, O_RDWR | O_CLOEXEC);
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
	struct blockdev disk;
	char use[INUSE_TEXT_SIZE];

	(void)state;
	assert_int_equal(blockdev_probe(path, &disk, NULL), 0);
	assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), 0);
	assert_int_equal(inuse_find(&disk, fd, use, NULL), 1);
	assert_non_null(strstr(use, "locked"));
}

static void make_table(int fd, uint64_t size, uint32_t sector, struct plan *plan)
{
	const struct plan_request request = {size, sector, 200 << 20, 0};
	struct error err = ERROR_INIT;

	assert_int_equal(plan_make(&request, plan, &err), 0);
	if (marker_write(fd, size, sector, MARKER_INTERRUPTED, &err) < 0 ||
	    partition_wipe(fd, plan, &err) < 0 || partition_write(path, plan, &err) < 0)
		fail_msg("%s", err.message);
}

/* What libparted wrote, libblkid reads; the mark stays in the first sector. */
static void test_partitions(void **state)
{
	static const uint32_t sectors[] = {512, 4096};

	(void)state;
	for (size_t s = 0; s < 2; s++) {
		uint64_t size = 4 * LAYOUT_GIB;
		_cleanup_fd_ int fd = open_disk(size);
		struct blockdev_partition found;
		struct content content;
		struct plan plan;
		uint8_t first[512];

		make_table(fd, size, sectors[s], &plan);
		for (int i = 0; i < LAYOUT_PARTITIONS; i++) {
			assert_int_equal(blockdev_partition(fd, sectors[s], i + 1, &found, NULL),
					 0);
			assert_int_equal(found.offset, plan.partitions[i].offset);
			assert_int_equal(found.size, plan.partitions[i].size);
			assert_string_equal(found.label, plan.partitions[i].label);
			assert_int_equal(strlen(found.uuid), 36);
		}
		assert_int_equal(blockdev_partition(fd, sectors[s], 7, &found, NULL), -ENODATA);
		assert_int_equal(io_pread_full(fd, first, sizeof(first), 0), 0);
		assert_non_null(memmem(first, sizeof(first), "was interrupted", 15));
		assert_int_equal(first[510] | first[511] << 8, 0xaa55);
		assert_int_equal(first[450], 0xee);

		assert_int_equal(content_read(fd, size, sectors[s], &content, NULL), 0);
		assert_string_equal(content.table, "gpt");
		assert_int_equal(content.partitions, 6);
		assert_true(content_is_data(&content));
	}
}

/* The old backup table goes first: here the end cannot be written, so the start must stay. */
static void test_wipe_begins_at_the_end(void **state)
{
	const struct plan_request request = {4 * LAYOUT_GIB, 512, 200 << 20, 0};
	_cleanup_fd_ int fd = open_disk(request.disk_bytes);
	struct rlimit before, limit;
	struct plan plan;
	char byte = 'x';

	(void)state;
	assert_int_equal(plan_make(&request, &plan, NULL), 0);
	assert_int_equal(io_pwrite_full(fd, &byte, 1, 512), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){request.disk_bytes - LAYOUT_MIB, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(partition_wipe(fd, &plan, NULL), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(io_pread_full(fd, &byte, 1, 512), 0);
	assert_int_equal(byte, 'x');
}

/* Both copies hold the same entries, Proa's own types included. */
static void test_both_copies(void **state)
{
	static const uint8_t slot_type[] = {0xd2, 0xb4, 0xe0, 0xc8, 0xa9, 0x17, 0x36, 0x4f,
					    0xa5, 0xd1, 0x6b, 0x1f, 0x2c, 0x9e, 0x7a, 0x40};
	uint64_t size = 4 * LAYOUT_GIB;
	_cleanup_fd_ int fd = open_disk(size);
	uint8_t one[6 * 128], other[6 * 128];
	struct plan plan;

	(void)state;
	make_table(fd, size, 512, &plan);
	assert_int_equal(io_pread_full(fd, one, sizeof(one), 1024), 0);
	assert_int_equal(io_pread_full(fd, other, sizeof(other), size - 33 * 512), 0);
	assert_memory_equal(one, other, sizeof(one));
	assert_memory_equal(one + (LAYOUT_SLOT_A - 1) * 128, slot_type, sizeof(slot_type));
}

/* The backup must do where the primary is lost: libblkid checks its sums. */
static void test_backup_table(void **state)
{
	uint64_t size = 4 * LAYOUT_GIB;
	_cleanup_fd_ int fd = open_disk(size);
	struct blockdev_partition found;
	uint8_t zeros[512] = {0};
	struct plan plan;

	(void)state;
	make_table(fd, size, 512, &plan);
	assert_int_equal(io_pwrite_full(fd, zeros, sizeof(zeros), 512), 0);
	assert_int_equal(blockdev_partition(fd, 512, LAYOUT_FLIP, &found, NULL), 0);
	assert_string_equal(found.label, "proa-flip");
	/* Both lost. */
	assert_int_equal(io_pwrite_full(fd, zeros, sizeof(zeros), size - 512), 0);
	assert_int_equal(blockdev_partition(fd, 512, LAYOUT_FLIP, &found, NULL), -ENODATA);
}

/* An empty table, as people's tools leave it; "": none. */
static void empty_table(int fd, uint64_t size, uint32_t sector, const char *type)
{
	PedDevice *device;
	PedDisk *disk;

	if (!type[0])
		return;
	if (strcmp(type, "interrupted") == 0) {
		assert_int_equal(marker_write(fd, size, sector, MARKER_INTERRUPTED, NULL), 0);
		return;
	}
	device = ped_device_get(path);
	assert_non_null(device);
	device->sector_size = device->phys_sector_size = sector;
	device->length = (PedSector)(size / sector);
	assert_true(ped_device_open(device));
	disk = ped_disk_new_fresh(device, ped_disk_type_get(type));
	assert_true(disk && ped_disk_commit_to_dev(disk));
	ped_disk_destroy(disk);
	ped_device_close(device);
	ped_device_destroy(device);
}

static void test_content(void **state)
{
	static const uint64_t size = 8 << 20;
	static const struct {
		const char *rule, *table;
		uint32_t sector;
		uint64_t offset;
		const char *bytes;
		size_t size;
		bool data, unknown;
		const char *kind;
	} rows[] = {
		{"zeros", "", 512, 0, "", 0, false, false, ""},
		{"a byte at the start", "", 512, 0, "x", 1, true, true, ""},
		{"the last byte", "", 512, size - 1, "x", 1, true, true, ""},
		{"a swap signature", "", 512, 4086, "SWAPSPACE2", 10, true, true, ""},
		{"a squashfs's first bytes", "", 512, 0, "hsqs", 4, true, false, "squashfs3"},
		{"LUKS", "", 512, 0, "LUKS\xba\xbe\0\x01", 8, true, false, "crypto_LUKS"},
		{"an empty dos table", "msdos", 512, 0, "", 0, false, false, ""},
		{"two bytes that make one", "", 512, 510, "\x55\xaa", 2, false, false, ""},
		{"and a byte behind", "", 512, 510, "\x55\xaax", 3, true, true, ""},
		{"and the last byte", "msdos", 512, size - 1, "x", 1, true, true, ""},
		{"dos, its larger sector", "msdos", 4096, 4095, "x", 1, false, false, ""},
		{"dos, behind it", "msdos", 4096, 4096, "x", 1, true, true, ""},
		{"an empty GPT", "gpt", 512, 0, "", 0, false, false, ""},
		{"GPT, behind LBA 33", "gpt", 512, 34 * 512, "x", 1, true, true, ""},
		{"GPT, before its backup", "gpt", 512, size - 33 * 512 - 1, "x", 1, true, true, ""},
		{"an empty GPT, large sectors", "gpt", 4096, 0, "", 0, false, false, ""},
		{"GPT, behind LBA 5", "gpt", 4096, 6 * 4096, "x", 1, true, true, ""},
		{"GPT, before the last 5", "gpt", 4096, size - 5 * 4096 - 1, "x", 1, true, true,
		 ""},
		{"Proa's mark", "interrupted", 512, 0, "", 0, true, true, ""},
		{"Proa's mark, large sectors", "interrupted", 4096, 0, "", 0, true, true, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_fd_ int fd = open_disk(size);
		struct content content;

		empty_table(fd, size, rows[i].sector, rows[i].table);
		assert_int_equal(io_pwrite_full(fd, rows[i].bytes, rows[i].size, rows[i].offset),
				 0);
		assert_int_equal(content_read(fd, size, rows[i].sector, &content, NULL), 0);
		if (content_is_data(&content) != rows[i].data ||
		    content.unknown != rows[i].unknown ||
		    strcmp(content.items[0].kind, rows[i].kind) != 0)
			fail_msg("%s: table \"%s\", data %d, unknown %d, \"%s\"", rows[i].rule,
				 content.table, content_is_data(&content), content.unknown,
				 content.items[0].kind);
	}
}

static int remove_disk(void **state)
{
	(void)state;
	return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_partitions),
		cmocka_unit_test(test_both_copies),
		cmocka_unit_test(test_backup_table),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_wipe_begins_at_the_end),
	};
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	return cmocka_run_group_tests(tests, NULL, remove_disk);
}
