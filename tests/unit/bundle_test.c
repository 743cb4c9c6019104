/* Bundles: whole ones from a file and a pipe, and every way to break one. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/io.h"
#include "tests/unit/support/folder.h"
#include "tests/unit/support/release.h"

static struct release release;
static struct keyring ring;
static uint8_t *whole; /* the bundle */
static size_t whole_size;

static int write_release(const struct release *r)
{
	_cleanup_fd_ int data = release_file(r->data, r->manifest.data_size);
	int fd = release_file("", 0);
	struct error err = ERROR_INIT;

	if (bundle_write(fd, &r->manifest, r->text, r->size, &r->signatures, r->index,
			 r->index_size, data, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int make_bundle(void **state)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	(void)state;
	release_make(&release);
	release_ring(&ring);
	fd = write_release(&release);
	assert_int_equal(fstat(fd, &st), 0);
	whole_size = (size_t)st.st_size;
	whole = malloc(whole_size);
	return io_pread_full(fd, whole, whole_size, 0);
}

static int free_bundle(void **state)
{
	(void)state;
	release_free(&release);
	free(whole);
	return 0;
}

/* Reads to the end; 0 only where every byte of the image came, in order. */
static int read_all(int fd, const struct keyring *keys, struct error *err)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const uint8_t *data;
	uint64_t offset, expected = 0;
	size_t size;
	int r = bundle_open(fd, keys, &bundle, err);

	if (r < 0)
		return r;
	while ((r = bundle_next(bundle, &data, &size, &offset, err)) > 0) {
		assert_int_equal(offset, expected);
		assert_true(offset + size <= release.manifest.image_size);
		assert_memory_equal(data, release.image + offset, size);
		expected += size;
	}
	if (r == 0)
		assert_int_equal(expected, release.manifest.image_size);
	return r;
}

static int read_bytes(const uint8_t *bytes, size_t size, struct error *err)
{
	_cleanup_fd_ int fd = release_file(bytes, size);

	return read_all(fd, &ring, err);
}

static void reads_what_it_wrote(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	if (read_bytes(whole, whole_size, &err) < 0)
		fail_msg("%s", err.message);
}

static void *feed_pipe(void *context)
{
	int fd = *(int *)context;

	/* Odd pieces: a pipe gives what it likes. */
	for (size_t at = 0; at < whole_size;) {
		size_t now = whole_size - at < 1000 ? whole_size - at : 1000;

		if (write(fd, whole + at, now) != (ssize_t)now)
			break;
		at += now;
	}
	close(fd);
	return NULL;
}

static void reads_a_pipe(void **state)
{
	struct error err = ERROR_INIT;
	pthread_t feeder;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pthread_create(&feeder, NULL, feed_pipe, &ends[1]), 0);
	if (read_all(ends[0], &ring, &err) < 0)
		fail_msg("%s", err.message);
	pthread_join(feeder, NULL);
	close(ends[0]);
}

/* Who gives up does not wait for a pipe that says nothing more. */
static void leaves_a_silent_pipe(void **state)
{
	uint64_t data_end;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	{
		_cleanup_fd_ int fd = release_file(whole, whole_size);
		_cleanup_bundle_ struct bundle *bundle = NULL;

		assert_int_equal(bundle_open(fd, &ring, &bundle, NULL), 0);
		data_end = bundle_data_offset(bundle) +
			   index_frame_at(&bundle_head(bundle)->index, 0).packed_size;
	}
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, (int)whole_size) >= (int)data_end);
	assert_int_equal(io_write_full(ends[1], whole, data_end), 0);
	{
		_cleanup_bundle_ struct bundle *bundle = NULL;
		const uint8_t *data;
		uint64_t offset;
		size_t size;

		assert_int_equal(bundle_open(ends[0], &ring, &bundle, NULL), 0);
		assert_int_equal(bundle_next(bundle, &data, &size, &offset, NULL), 1);
		assert_memory_equal(data, release.image, size);
	}
	close(ends[0]);
	close(ends[1]);
}

static void writes_the_same_again(void **state)
{
	_cleanup_fd_ int fd = write_release(&release);
	_cleanup_free_ uint8_t *again = malloc(whole_size);

	(void)state;
	assert_int_equal(lseek(fd, 0, SEEK_END), whole_size);
	assert_int_equal(io_pread_full(fd, again, whole_size, 0), 0);
	assert_memory_equal(again, whole, whole_size);
}

/* The same through a pipe, which does not tell its length. */
static int pipe_bytes(size_t size)
{
	int ends[2], r;

	assert_int_equal(pipe(ends), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, (int)whole_size) >= (int)size);
	assert_int_equal(io_write_full(ends[1], whole, size), 0);
	close(ends[1]);
	r = read_all(ends[0], &ring, NULL);
	close(ends[0]);
	return r;
}

static void every_cut_is_refused(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < whole_size; cut += cut < 8192 ? 100 : 4099) {
		int r = read_bytes(whole, cut, NULL);

		if (r != -EBADMSG)
			fail_msg("cut at %zu of %zu: %d", cut, whole_size, r);
		r = pipe_bytes(cut);
		if (r != -EBADMSG)
			fail_msg("pipe cut at %zu of %zu: %d", cut, whole_size, r);
	}
	/* Each byte of the two blocks of zeros at the end. */
	for (size_t cut = whole_size - 1024; cut < whole_size; cut++)
		assert_int_equal(pipe_bytes(cut), -EBADMSG);
}

static void what_may_follow(void **state)
{
	static const struct {
		const char *name;
		size_t zeros;
		const char *then;
		int expected;
	} rows[] = {
		{"nothing", 0, "", 0},
		{"the padding of tar(1)", 9216, "", 0},
		{"as much padding as there may be", 10240, "", 0},
		{"one byte more", 10241, "", -EBADMSG},
		{"garbage at once", 0, "x", -EBADMSG},
		{"garbage later", 5000, "x", -EBADMSG},
		{"garbage behind more than is read at once", 200000, "x", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size = whole_size + rows[i].zeros;
		_cleanup_free_ uint8_t *bytes = calloc(1, size + 1);
		struct error err = ERROR_INIT;
		int r;

		memcpy(bytes, whole, whole_size);
		bytes[size] = (uint8_t)rows[i].then[0];
		r = read_bytes(bytes, size + strlen(rows[i].then), &err);
		if (r != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].name, r, err.message);
	}
}

/* Tar metadata aside, no changed bit gets through. */
static void every_bit_counts(void **state)
{
	size_t at[] = {512, 512 + release.size - 2, 1536, 2048 + 20, 2600, 2560 + release.index_size,
		       whole_size - 2000};
	_cleanup_free_ uint8_t *bytes = malloc(whole_size);

	(void)state;
	memcpy(bytes, whole, whole_size);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		bytes[at[i]] ^= 1;
		if (read_bytes(bytes, whole_size, NULL) >= 0)
			fail_msg("a changed bit at %zu gets through", at[i]);
		bytes[at[i]] ^= 1;
	}
	for (size_t i = 5000; i < whole_size - 1600; i += 20011) {
		bytes[i] ^= 0x10;
		if (read_bytes(bytes, whole_size, NULL) >= 0)
			fail_msg("a changed bit at %zu gets through", i);
		bytes[i] ^= 0x10;
	}
}

struct member {
	const char *name;
	const void *data;
	size_t size;
	mode_t type;
};

/* A tar of these members, as any tar program would make it. */
static int read_tar(int format, const struct member *members, struct error *err)
{
	struct archive *archive = archive_write_new();
	_cleanup_free_ char *bytes = malloc(4 << 20);
	size_t used = 0;

	assert_int_equal(archive_write_set_format(archive, format), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(archive, bytes, 4 << 20, &used), ARCHIVE_OK);
	for (; members->name; members++) {
		struct archive_entry *entry = archive_entry_new();

		archive_entry_set_pathname(entry, members->name);
		archive_entry_set_filetype(entry, members->type ? members->type : AE_IFREG);
		if (members->type == AE_IFLNK)
			archive_entry_set_symlink(entry, "/etc/passwd");
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, (la_int64_t)members->size);
		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		if (members->size)
			assert_int_equal(
				archive_write_data(archive, members->data, members->size),
				members->size);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
	return read_bytes((const uint8_t *)bytes, used, err);
}

#define MANIFEST {"manifest", release.text, release.size, 0}
#define SIG {"manifest.sig", sig, sig_size, 0}
#define INDEX {"index", release.index, release.index_size, 0}
#define DATA {"data", release.data, release.manifest.data_size, 0}

static void members(void **state)
{
	char sig[SIGNATURES_SIZE_MAX];
	size_t sig_size = signatures_render(&release.signatures, sig);
	static char large[MANIFEST_SIZE_MAX + 1];
	const struct {
		const char *name;
		int format, expected;
		struct member members[6];
	} rows[] = {
		{"as it should be", ARCHIVE_FORMAT_TAR_USTAR, 0, {MANIFEST, SIG, INDEX, DATA}},
		{"another kind of tar", ARCHIVE_FORMAT_TAR_GNUTAR, -EBADMSG,
		 {MANIFEST, SIG, INDEX, DATA}},
		{"no tar", ARCHIVE_FORMAT_CPIO_SVR4_NOCRC, -EBADMSG, {MANIFEST, SIG, INDEX, DATA}},
		{"no member", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG, {{.name = NULL}}},
		{"no signature", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG, {MANIFEST, INDEX, DATA}},
		{"no index", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG, {MANIFEST, SIG, DATA}},
		{"no data", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG, {MANIFEST, SIG, INDEX}},
		{"another order", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG, {SIG, MANIFEST, INDEX, DATA}},
		{"manifest twice", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, MANIFEST, SIG, INDEX, DATA}},
		{"an extra member", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, SIG, INDEX, DATA, {"x", "x", 1, 0}}},
		{"an extra empty member", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, SIG, INDEX, DATA, {"x", "", 0, 0}}},
		{"names with a folder", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {{"./manifest", release.text, release.size, 0}, SIG, INDEX, DATA}},
		{"a name that steers the terminal", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {{"\x1b[2Jmanifest\x9b\x7f", release.text, release.size, 0}, SIG, INDEX, DATA}},
		{"a link for a manifest", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {{"manifest", NULL, 0, AE_IFLNK}, SIG, INDEX, DATA}},
		{"a folder for an index", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, SIG, {"index", NULL, 0, AE_IFDIR}, DATA}},
		{"manifest past its limit", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {{"manifest", large, sizeof(large), 0}, SIG, INDEX, DATA}},
		{"signatures past their limit", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, {"manifest.sig", large, SIGNATURES_SIZE_MAX + 1, 0}, INDEX, DATA}},
		{"an unsigned release", ARCHIVE_FORMAT_TAR_USTAR, -ENOKEY,
		 {MANIFEST, {"manifest.sig", "proa-signature 1\n", 17, 0}, INDEX, DATA}},
		{"an index cut short", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, SIG, {"index", release.index, release.index_size - 44, 0}, DATA}},
		{"data cut short", ARCHIVE_FORMAT_TAR_USTAR, -EBADMSG,
		 {MANIFEST, SIG, INDEX, {"data", release.data, release.manifest.data_size - 1, 0}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = ERROR_INIT;
		int r = read_tar(rows[i].format, rows[i].members, &err);

		if (r != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].name, r, err.message);
		if (r < 0)
			assert_true(err.message[0] != '\0');
		for (const char *c = err.message; *c; c++)
			assert_true(*c >= ' ' && *c <= '~');
	}
}

enum fault {
	NONE,
	INDEX_HASH,
	DATA_HASH,
	CHUNK_HASH,
	RAW_SIZE,
};

/* Correctly signed, but wrong in itself: what a broken release tool might make. */
static void signed_nonsense(void **state)
{
	static const struct {
		const char *name, *signer, *architecture;
		enum fault fault;
		int expected;
	} rows[] = {
		{"nothing wrong", "release", "x86_64", NONE, 0},
		{"by a stranger", "stranger", "x86_64", NONE, -ENOKEY},
		{"by the channel's key", "channel", "x86_64", NONE, -ENOKEY},
		{"for another machine", "release", "aarch64", NONE, -ENOEXEC},
		{"wrong hash of the index", "release", "x86_64", INDEX_HASH, -EBADMSG},
		{"wrong hash of the data", "release", "x86_64", DATA_HASH, -EBADMSG},
		{"wrong hash of a chunk", "release", "x86_64", CHUNK_HASH, -EBADMSG},
		{"a frame of another size than the index says", "release", "x86_64", RAW_SIZE, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct release r;
		struct error err = ERROR_INIT;
		_cleanup_fd_ int fd = -1;
		uint8_t *first_chunk;
		char key[64];
		int result;

		release_make(&r);
		first_chunk = r.index + 32 + (r.index[12] | r.index[13] << 8) * 16;
		if (rows[i].fault == CHUNK_HASH)
			first_chunk[0] ^= 1;
		if (rows[i].fault == RAW_SIZE) /* the frame's content size, in its header */
			r.data[5] ^= 1;
		hash_bytes(r.index, r.index_size, r.manifest.index_sha256);
		hash_bytes(r.data, r.manifest.data_size, r.manifest.data_sha256);
		r.manifest.index_sha256[0] ^= rows[i].fault == INDEX_HASH;
		r.manifest.data_sha256[0] ^= rows[i].fault == DATA_HASH;
		strcpy(r.manifest.architecture, rows[i].architecture);
		snprintf(key, sizeof(key), "testdata/keys/%s.key", rows[i].signer);
		release_sign(&r, key);
		fd = write_release(&r);
		result = read_all(fd, &ring, &err);
		if (result != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].name, result, err.message);
		release_free(&r);
	}
}

static void inspecting_needs_no_key(void **state)
{
	_cleanup_fd_ int fd = release_file(whole, whole_size);
	struct error err = ERROR_INIT;

	(void)state;
	if (read_all(fd, NULL, &err) < 0)
		fail_msg("%s", err.message);
}

/* Without a look at the image: it is another one than the release's. */
static int read_file(const uint8_t *bytes, size_t size)
{
	_cleanup_fd_ int fd = release_file(bytes, size);
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const uint8_t *data;
	uint64_t offset;
	size_t length;
	int r = bundle_open(fd, &ring, &bundle, NULL);

	if (r < 0)
		return r;
	while ((r = bundle_next(bundle, &data, &length, &offset, NULL)) > 0)
		;
	return r;
}

/* Made by Python's tarfile, zstd(1) and openssl(1), not by our own writer. */
static void files(void **state)
{
	static const struct folder_row rows[] = {
		{"good", 0},
		{"padded", 0},
		{"signed-twice", 0},
		{"empty", -EBADMSG},
		{"cut-in-data", -EBADMSG},
		{"cut-end", -EBADMSG},
		{"garbage-behind", -EBADMSG},
		{"extra-member", -EBADMSG},
		{"another-order", -EBADMSG},
		{"no-index", -EBADMSG},
		{"unsigned", -ENOKEY},
		{"signed-by-stranger", -ENOKEY},
		{"signed-by-channel", -ENOKEY},
		{"changed-manifest", -EKEYREJECTED},
		{"two-frames-in-one", -EBADMSG},
		{"skippable-frame", -EBADMSG},
		{"frame-larger-than-said", -EBADMSG},
		{"frame-without-size", -EBADMSG},
		{"chunk-hash", -EBADMSG},
		{"image-larger-than-frames", -EBADMSG},
		{"must-understand", -EOPNOTSUPP},
		{"another-architecture", -ENOEXEC},
	};

	(void)state;
	folder_check("testdata/bundles", rows, sizeof(rows) / sizeof(rows[0]), read_file);
}

static void not_bundles(void **state)
{
	static const char *const paths[] = {
		"testdata/manifests/good",
		"testdata/keys/1.root",
		"/dev/null",
		"/dev/zero",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		_cleanup_fd_ int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		assert_int_equal(read_all(fd, &ring, NULL), -EBADMSG);
	}
	assert_int_equal(read_all(-1, &ring, NULL), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(reads_a_pipe),
		cmocka_unit_test(leaves_a_silent_pipe),
		cmocka_unit_test(writes_the_same_again),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(what_may_follow),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(members),
		cmocka_unit_test(signed_nonsense),
		cmocka_unit_test(inspecting_needs_no_key),
		cmocka_unit_test(files),
		cmocka_unit_test(not_bundles),
	};

	return cmocka_run_group_tests_name("bundle", tests, make_bundle, free_bundle);
}
