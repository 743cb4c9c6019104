/* Placing GRUB by offset: what is written where, and what stays. */
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

#include "bootloader/place.h"
#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { MIB = 1 << 20, BIOS = MIB, ESP = 3 * MIB, ESP_SIZE = MIB, CORE = 512 + 100000 };

static uint8_t boot[512], core[CORE], before[4 * MIB], after[4 * MIB];
static char path[] = "/tmp/proa-place-test.XXXXXX";
static int disk = -1;

static unsigned int drops, partial_drops;

/*
 * In front of libc's: the kernel drops whole pages alone (posix_fadvise(2)), so
 * a read-back of less than a page would come from the cache.
 */
int posix_fadvise(int fd, off_t offset, off_t size, int advice)
{
	(void)fd;
	drops += advice == POSIX_FADV_DONTNEED;
	partial_drops += offset % 4096 != 0 || size % 4096 != 0;
	return 0;
}

static struct place_bios images(void)
{
	return (struct place_bios){
		.boot = boot, .boot_size = sizeof(boot), .core = core, .core_size = sizeof(core)};
}

/* A disk full of noise, and images with the marks that GRUB's have. */
static int set_up(void **state)
{
	(void)state;
	memset(boot, 0xb0, sizeof(boot));
	boot[0x64] = 0xff;
	bytes_put_le16(boot + 510, 0xaa55);
	for (size_t i = 0; i < sizeof(core); i++)
		core[i] = (uint8_t)(i * 7 + i / 512);
	bytes_put_le64(core + 500, 2);
	bytes_put_le16(core + 508, (CORE - 512 + 511) / 512);
	bytes_put_le16(core + 510, 0x820);
	bytes_put_le16(core + 496, 0);

	for (size_t i = 0; i < sizeof(before); i++)
		before[i] = (uint8_t)(i * 13 + i / 4096);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	disk = mkstemp(path);
	unlink(path);
	return disk < 0 || io_pwrite_full(disk, before, sizeof(before), 0) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	return close(disk);
}

static void read_disk(void)
{
	assert_int_equal(io_pread_full(disk, after, sizeof(after), 0), 0);
}

static void test_install(void **state)
{
	struct place_bios all = images();
	const uint8_t *first = after + BIOS;

	(void)state;
	assert_int_equal(place_bios_install(disk, BIOS, &all, NULL), 0);
	assert_int_equal(place_bios_copy_in_use(disk, BIOS, NULL), 0);
	read_disk();

	/* The MBR: GRUB's code, its pointer, two NOPs; signature and partition table stay. */
	assert_int_equal(bytes_get_le64(after + 0x5c), BIOS / 512);
	assert_int_equal(bytes_get_le16(after + 0x66), 0x9090);
	assert_memory_equal(after, boot, 0x5c);
	assert_memory_equal(after + 0x68, boot + 0x68, 0x1b8 - 0x68);
	assert_memory_equal(after + 0x1b8, before + 0x1b8, 0x1fe - 0x1b8);
	assert_int_equal(bytes_get_le16(after + 510), 0xaa55);
	assert_memory_equal(after + 512, before + 512, BIOS - 512);

	/* The first core sector, alone in its 4 KiB, names copy 0. */
	assert_memory_equal(first, core, 500);
	assert_int_equal(bytes_get_le64(first + 500), BIOS / 512 + 8);
	assert_memory_equal(first + 508, core + 508, 4);
	for (size_t i = 512; i < 4096; i++)
		assert_int_equal(first[i], 0);
	assert_memory_equal(first + 4096, core + 512, CORE - 512);
	assert_memory_equal(after + BIOS + MIB, before + BIOS + MIB, sizeof(after) - BIOS - MIB);
}

static void test_read_back(void **state)
{
	struct place_bios all = images();

	(void)state;
	drops = partial_drops = 0;
	assert_int_equal(place_bios_install(disk, BIOS, &all, NULL), 0);
	assert_int_equal(place_bios_update(disk, BIOS, &all, NULL), 0);
	assert_int_equal(drops, 5); /* core, its first sector, the MBR; core, its first sector */
	assert_int_equal(partial_drops, 0);
}

static void test_update(void **state)
{
	struct place_bios all = images();

	(void)state;
	assert_int_equal(place_bios_install(disk, BIOS, &all, NULL), 0);
	read_disk();
	memcpy(before, after, sizeof(before));

	for (size_t i = 512; i < sizeof(core); i++)
		core[i] ^= 0x55;
	core[5] ^= 0x55;
	boot[5] ^= 0x55;
	assert_int_equal(place_bios_update(disk, BIOS, &all, NULL), 0);
	assert_int_equal(place_bios_copy_in_use(disk, BIOS, NULL), 1);
	read_disk();
	assert_memory_equal(after, before, BIOS); /* the MBR is never touched again */
	assert_memory_equal(after + BIOS + 512, before + BIOS + 512, MIB - 512);
	assert_memory_equal(after + BIOS + MIB, core + 512, CORE - 512);
	assert_int_equal(bytes_get_le64(after + BIOS + 500), (BIOS + MIB) / 512);
	assert_int_equal(after[BIOS + 5], core[5]);

	/* The next one goes back to copy 0. */
	assert_int_equal(place_bios_update(disk, BIOS, &all, NULL), 0);
	assert_int_equal(place_bios_copy_in_use(disk, BIOS, NULL), 0);
	read_disk();
	assert_memory_equal(after + BIOS + 4096, core + 512, CORE - 512);
}

static void test_refused_images(void **state)
{
	static const struct {
		const char *name;
		size_t boot_size, core_size;
		int spoil; /* what to damage */
	} rows[] = {
		{"boot.img too short", 511, CORE, 0},
		{"boot.img too long", 513, CORE, 0},
		{"no boot signature", 512, CORE, 1},
		{"another boot sector", 512, CORE, 2},
		{"core.img empty", 512, 0, 0},
		{"core.img of one sector", 512, 512, 0},
		{"core.img cut short", 512, CORE - 1024, 0},
		{"core.img of another kind", 512, CORE, 3},
		{"two block lists", 512, CORE, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct place_bios all = images();
		struct error err = ERROR_INIT;

		tear_down(state);
		assert_int_equal(set_up(state), 0);
		all.boot_size = rows[i].boot_size;
		all.core_size = rows[i].core_size;
		if (rows[i].spoil == 1)
			boot[511] = 0;
		else if (rows[i].spoil == 2)
			boot[0x64] = 0x80;
		else if (rows[i].spoil == 3)
			core[511] = 0;
		else if (rows[i].spoil == 4)
			core[496] = 1;
		if (place_bios_install(disk, BIOS, &all, &err) != -EINVAL)
			fail_msg("%s: not refused", rows[i].name);
		assert_true(strlen(err.message) > 0);
		read_disk();
		assert_memory_equal(after, before, sizeof(after));
	}
}

static void test_largest_core(void **state)
{
	static uint8_t large[PLACE_CORE_MAX + 1];
	struct place_bios all = images();

	(void)state;
	memcpy(large, core, 512);
	all.core = large;
	all.core_size = PLACE_CORE_MAX;
	bytes_put_le16(large + 508, (PLACE_CORE_MAX - 512) / 512);
	assert_int_equal(place_bios_install(disk, BIOS, &all, NULL), 0);
	assert_int_equal(place_bios_update(disk, BIOS, &all, NULL), 0);
	read_disk();
	assert_memory_equal(after + ESP, before + ESP, MIB);
	all.core_size++;
	assert_int_equal(place_bios_install(disk, BIOS, &all, NULL), -EINVAL);
}

static void test_update_of_nothing(void **state)
{
	struct place_bios all = images();

	(void)state;
	assert_int_equal(place_bios_copy_in_use(disk, BIOS, NULL), -EBADMSG);
	assert_int_equal(place_bios_update(disk, BIOS, &all, NULL), -EBADMSG);
	read_disk();
	assert_memory_equal(after, before, sizeof(after));
}

static void test_disk_refuses(void **state)
{
	char node[32];
	_cleanup_fd_ int read_only = -1;
	struct place_bios all = images();
	struct error err = ERROR_INIT;

	(void)state;
	snprintf(node, sizeof(node), "/proc/self/fd/%d", disk);
	read_only = open(node, O_RDONLY | O_CLOEXEC);
	assert_true(read_only >= 0);
	assert_int_equal(place_bios_install(read_only, BIOS, &all, &err), -EBADF);
	assert_non_null(strstr(err.message, "cannot write"));
}

static void test_esp(void **state)
{
	static uint8_t image[200000];
	char name[] = "/tmp/proa-place-esp.XXXXXX";
	_cleanup_fd_ int source = mkstemp(name);
	int r;

	(void)state;
	unlink(name);
	memset(image, 0xe5, sizeof(image));
	bytes_put_le16(image + 11, 512);
	bytes_put_le16(image + 510, 0xaa55);
	assert_int_equal(io_pwrite_full(source, image, sizeof(image), 1000), 0);

	r = place_esp_install(source, 1000, sizeof(image), disk, ESP, ESP_SIZE, 512, NULL);
	assert_int_equal(r, 0);
	read_disk();
	assert_memory_equal(after + ESP, image, sizeof(image));
	assert_memory_equal(after, before, ESP);
	assert_memory_equal(after + ESP + sizeof(image), before + ESP + sizeof(image),
			    ESP_SIZE - sizeof(image));

	r = place_esp_install(source, 1000, sizeof(image), disk, ESP, ESP_SIZE, 4096, NULL);
	assert_int_equal(r, -EINVAL);
	r = place_esp_install(source, 1001, sizeof(image) - 1, disk, ESP, ESP_SIZE, 512, NULL);
	assert_int_equal(r, -EINVAL);
	r = place_esp_install(source, 1000, sizeof(image), disk, ESP, sizeof(image) - 1, 512, NULL);
	assert_int_equal(r, -EINVAL);
	r = place_esp_install(source, 1000, 100, disk, ESP, ESP_SIZE, 512, NULL);
	assert_int_equal(r, -EINVAL);
	r = place_esp_install(source, 1000, sizeof(image) + 1, disk, ESP, ESP_SIZE, 512, NULL);
	assert_int_equal(r, -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_install, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_update, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_images, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_largest_core, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_update_of_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disk_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_esp, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("placing GRUB", tests, NULL, NULL);
}
