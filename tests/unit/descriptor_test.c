/* The slot descriptor, and what a slot must show before it is mounted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/format/roots.h"
#include "lib/format/slot.h"
#include "lib/io.h"
#include "tests/unit/support/folder.h"
#include "tests/unit/support/release.h"

enum { SLOT_OFFSET = 1 << 20, SLOT_SIZE = 4 << 20 };

static struct release release;

static int make_release(void **state)
{
	(void)state;
	release_make(&release);
	return 0;
}

static int free_release(void **state)
{
	(void)state;
	release_free(&release);
	return 0;
}

static void describe(struct descriptor *out)
{
	*out = (struct descriptor){.root_number = 7, .least_epoch = UINT64_MAX};
	out->manifest_size = (uint32_t)release.size;
	memcpy(out->manifest, release.text, release.size);
	out->signature_size = (uint32_t)signatures_render(&release.signatures, out->signature);
}

static void reads_what_it_wrote(void **state)
{
	static struct descriptor d, again;
	uint8_t bytes[DESCRIPTOR_SIZE];

	(void)state;
	describe(&d);
	assert_int_equal(descriptor_render(&d, bytes), 0);
	assert_memory_equal(bytes, "PROASLOT\1\0\0\0", 12);
	assert_int_equal(descriptor_parse(bytes, &again, NULL), 0);
	assert_int_equal(again.root_number, 7);
	assert_true(again.least_epoch == UINT64_MAX);
	assert_int_equal(again.manifest_size, d.manifest_size);
	assert_memory_equal(again.manifest, d.manifest, d.manifest_size);
	assert_memory_equal(again.signature, d.signature, d.signature_size);
}

/* One changed value in the header of a good descriptor; the hash made right again or not. */
static void broken_headers(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint32_t value;
		int expected;
	} rows[] = {
		{"magic", 0, 0x0, -ENODATA},
		{"magic in lower case", 4, 0x746f6c73, -ENODATA},
		{"format 0", 8, 0, -EOPNOTSUPP},
		{"format 2", 8, 2, -EOPNOTSUPP},
		{"manifest one past the limit", 12, MANIFEST_SIZE_MAX + 1, -EBADMSG},
		{"manifest of 4 GiB", 12, UINT32_MAX, -EBADMSG},
		{"signature one past the limit", 16, SIGNATURES_SIZE_MAX + 1, -EBADMSG},
		{"signature of 4 GiB", 16, UINT32_MAX, -EBADMSG},
		{"manifest shorter", 12, 10, -EBADMSG},
		{"signature shorter", 16, 10, -EBADMSG},
		{"reserved bytes used", 20, 1, -EBADMSG},
		{"root number", 24, 8, -EBADMSG},
		{"epoch", 32, 1, -EBADMSG},
		{"hash", 40, 0, -EBADMSG},
		{"first byte of the manifest", 72, 0, -EBADMSG},
	};
	static struct descriptor d, out;

	(void)state;
	describe(&d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[DESCRIPTOR_SIZE];
		int r;

		assert_int_equal(descriptor_render(&d, bytes), 0);
		bytes_put_le32(bytes + rows[i].at, rows[i].value);
		r = descriptor_parse(bytes, &out, NULL);
		if (r != rows[i].expected)
			fail_msg("%s: %d", rows[i].name, r);
	}
}

static int read_file(const uint8_t *bytes, size_t size)
{
	static struct descriptor out;

	assert_int_equal(size, DESCRIPTOR_SIZE);
	return descriptor_parse(bytes, &out, NULL);
}

/* Made by a program of its own, from the description of the format. */
static void files(void **state)
{
	static const struct folder_row rows[] = {
		{"good", 0},
		{"empty", -ENODATA},
		{"magic", -ENODATA},
		{"format-2", -EOPNOTSUPP},
		{"reserved", -EBADMSG},
		{"manifest-too-long", -EBADMSG},
		{"manifest-4g", -EBADMSG},
		{"signature-too-long", -EBADMSG},
		{"torn", -EBADMSG},
		{"bit", -EBADMSG},
	};

	(void)state;
	folder_check("testdata/descriptors", rows, sizeof(rows) / sizeof(rows[0]), read_file);
}

static void every_bit_counts(void **state)
{
	static struct descriptor d, out;
	uint8_t bytes[DESCRIPTOR_SIZE];
	size_t covered;

	(void)state;
	describe(&d);
	assert_int_equal(descriptor_render(&d, bytes), 0);
	covered = 72 + d.manifest_size + d.signature_size;
	for (size_t bit = 0; bit < covered * 8; bit += 3) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(descriptor_parse(bytes, &out, NULL) < 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(descriptor_parse(bytes, &out, NULL), 0);
}

/* A power cut while it is written: any number of sectors of the old 64 KiB remain. */
static void every_torn_write_is_refused(void **state)
{
	static struct descriptor d, out;
	uint8_t bytes[DESCRIPTOR_SIZE], torn[DESCRIPTOR_SIZE];

	(void)state;
	describe(&d);
	assert_int_equal(descriptor_render(&d, bytes), 0);
	for (size_t at = 0; at < 72u + d.manifest_size + d.signature_size; at += 512) {
		memcpy(torn, bytes, sizeof(torn));
		memset(torn + at, 0, sizeof(torn) - at);
		assert_true(descriptor_parse(torn, &out, NULL) < 0);
		memcpy(torn, bytes, sizeof(torn));
		memset(torn, 0, at + 512);
		assert_true(descriptor_parse(torn, &out, NULL) < 0);
	}
}

static void limits(void **state)
{
	static struct descriptor d, out;
	uint8_t bytes[DESCRIPTOR_SIZE];

	(void)state;
	d.manifest_size = MANIFEST_SIZE_MAX;
	d.signature_size = SIGNATURES_SIZE_MAX;
	memset(d.manifest, 'm', sizeof(d.manifest));
	memset(d.signature, 's', sizeof(d.signature));
	assert_int_equal(descriptor_render(&d, bytes), 0);
	assert_int_equal(descriptor_parse(bytes, &out, NULL), 0);
	assert_memory_equal(out.signature, d.signature, sizeof(d.signature));
	d.manifest_size++;
	assert_int_equal(descriptor_render(&d, bytes), -EINVAL);
}

/* A disk file with the release in a slot. */
static int make_slot(void)
{
	static struct descriptor d;
	struct error err = ERROR_INIT;
	char path[] = "/tmp/proa-slot-XXXXXX";
	int fd = mkstemp(path); /* not tmpfs, if it can be helped: O_DIRECT is meant to be used */

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, SLOT_OFFSET + SLOT_SIZE + 4096), 0);
	assert_int_equal(
		io_pwrite_full(fd, release.image, release.manifest.image_size, SLOT_OFFSET), 0);
	describe(&d);
	if (descriptor_write(fd, SLOT_OFFSET, SLOT_SIZE, &d, &err) < 0)
		fail_msg("%s", err.message);
	return fd;
}

static void a_slot_proves_itself(void **state)
{
	static struct slot slot;
	_cleanup_fd_ int fd = make_slot();
	struct error err = ERROR_INIT;
	struct keyring ring;

	(void)state;
	release_ring(&ring);
	if (slot_verify_descriptor(fd, SLOT_OFFSET, SLOT_SIZE, &ring, &slot, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(slot.manifest.version, "2026.11.0");
	assert_int_equal(slot.descriptor.root_number, 7);
	assert_int_equal(slot.verity.data_blocks, RELEASE_FS_SIZE / 4096);
	assert_int_equal(slot.verity.hash_start_block, RELEASE_FS_SIZE / 4096);
	for (int cache = VERITY_CACHED; cache <= VERITY_PAST_CACHE; cache++)
		if (slot_verify_tree(fd, SLOT_OFFSET, &slot, (enum verity_cache)cache, NULL, NULL,
				     &err) < 0)
			fail_msg("%s", err.message);
	assert_int_equal(descriptor_erase(fd, SLOT_OFFSET, SLOT_SIZE, &err), 0);
	assert_int_equal(slot_verify_descriptor(fd, SLOT_OFFSET, SLOT_SIZE, &ring, &slot, &err),
			 -ENODATA);
}

/* What stands in the slot, who signed it and who looks. */
static void refused_slots(void **state)
{
	static const struct {
		const char *name, *signer, *product;
		uint64_t size; /* of the partition that is looked at */
		int expected;
	} rows[] = {
		{"as it should be", "release", "proa", SLOT_SIZE, 0},
		{"signed by a stranger", "stranger", "proa", SLOT_SIZE, -ENOKEY},
		{"signed by the channel key", "channel", "proa", SLOT_SIZE, -ENOKEY},
		{"another product", "release", "prow", SLOT_SIZE, -ENOEXEC},
		{"just large enough", "release", "proa", 0, 0},
		{"one block too small", "release", "proa", 1, -EBADMSG},
		{"no slot size", "release", "proa", 4096, -EINVAL},
		{"an odd size", "release", "proa", SLOT_SIZE - 1, -EINVAL},
	};
	static struct descriptor d;
	static struct slot slot;
	struct keyring ring;

	(void)state;
	release_ring(&ring);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t least = release.manifest.image_size + DESCRIPTOR_SIZE;
		uint64_t size = rows[i].size == 0   ? least
				: rows[i].size == 1 ? least - 4096
						    : rows[i].size;
		_cleanup_fd_ int fd = make_slot();
		struct error err = ERROR_INIT;
		char key[64];
		int r;

		snprintf(key, sizeof(key), "testdata/keys/%s.key", rows[i].signer);
		strcpy(release.manifest.product, rows[i].product);
		release_sign(&release, key);
		describe(&d);
		r = descriptor_write(fd, SLOT_OFFSET, size, &d, &err);
		if (r == 0)
			r = slot_verify_descriptor(fd, SLOT_OFFSET, size, &ring, &slot, &err);
		if (r != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].name, r, err.message);
	}
	strcpy(release.manifest.product, "proa");
	release_sign(&release, "testdata/keys/release.key");
}

/* A partition that holds nothing else, looked at by its name. */
static void a_device_proves_itself(void **state)
{
	char path[] = "/tmp/proa-slot-XXXXXX";
	_cleanup_fd_ int disk = make_slot(), fd = mkstemp(path);
	_cleanup_free_ char *bytes = malloc(SLOT_SIZE);
	struct error err = ERROR_INIT;
	const uint64_t middle = RELEASE_FS_SIZE / 2;
	int whole, rotten, keyless, gone;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(io_pread_full(disk, bytes, SLOT_SIZE, SLOT_OFFSET), 0);
	assert_int_equal(io_pwrite_full(fd, bytes, SLOT_SIZE, 0), 0);
	whole = roots_verify_slot(path, "testdata/keys", "/nonexistent", &err);
	keyless = roots_verify_slot(path, "/nonexistent", "testdata/keys", NULL);
	bytes[middle] ^= 1;
	assert_int_equal(io_pwrite_full(fd, bytes + middle, 1, middle), 0);
	rotten = roots_verify_slot(path, "testdata/keys", "/nonexistent", NULL);
	unlink(path);
	gone = roots_verify_slot(path, "testdata/keys", "/nonexistent", NULL);
	if (whole < 0)
		fail_msg("%s", err.message);
	assert_int_equal(keyless, -ENOENT);
	assert_int_equal(rotten, -EBADMSG);
	assert_int_equal(gone, -ENOENT);
}

static void rot_is_found(void **state)
{
	static struct slot slot;
	_cleanup_fd_ int fd = make_slot();
	struct keyring ring;
	struct error err = ERROR_INIT;
	const uint64_t places[] = {0, RELEASE_FS_SIZE / 2 + 17, RELEASE_FS_SIZE - 1,
				   RELEASE_FS_SIZE, release.manifest.image_size - 1};

	(void)state;
	release_ring(&ring);
	assert_int_equal(slot_verify_descriptor(fd, SLOT_OFFSET, SLOT_SIZE, &ring, &slot, &err), 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint64_t at = SLOT_OFFSET + places[i];
		uint8_t byte;

		assert_int_equal(io_pread_full(fd, &byte, 1, at), 0);
		byte ^= 1;
		assert_int_equal(io_pwrite_full(fd, &byte, 1, at), 0);
		assert_int_equal(slot_verify_tree(fd, SLOT_OFFSET, &slot, VERITY_PAST_CACHE, NULL,
						  NULL, &err),
				 -EBADMSG);
		byte ^= 1;
		assert_int_equal(io_pwrite_full(fd, &byte, 1, at), 0);
	}
	assert_int_equal(
		slot_verify_tree(fd, SLOT_OFFSET, &slot, VERITY_PAST_CACHE, NULL, NULL, &err), 0);
}

static void a_short_device_is_an_error(void **state)
{
	static struct descriptor d;
	uint8_t zeros[4096] = {0};
	_cleanup_fd_ int fd = release_file(zeros, sizeof(zeros));

	(void)state;
	assert_int_equal(descriptor_read(fd, 0, SLOT_SIZE, &d, NULL), -EIO);
	assert_int_equal(descriptor_read(fd, UINT64_MAX - 4095, SLOT_SIZE, &d, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(broken_headers),
		cmocka_unit_test(files),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(every_torn_write_is_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_slot_proves_itself),
		cmocka_unit_test(a_device_proves_itself),
		cmocka_unit_test(refused_slots),
		cmocka_unit_test(rot_is_found),
		cmocka_unit_test(a_short_device_is_an_error),
	};

	return cmocka_run_group_tests_name("descriptor", tests, make_release, free_release);
}
