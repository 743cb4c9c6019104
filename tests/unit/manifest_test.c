/* The manifest's reader and writer: testdata/manifests/, a file a rule. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/document.h"
#include "lib/format/manifest.h"
#include "lib/io.h"

#define FOLDER "testdata/manifests/"

static const struct {
	const char *file;
	int expected;
	const char *says; /* part of the message */
} FILES[] = {
	{"good", 0, ""},
	{"unknown-key", 0, ""},
	{"unknown-key-not-ascii", 0, ""},
	{"reordered", 0, ""},
	{"must-understand", -EOPNOTSUPP, "!delta_only"},
	{"empty", -EBADMSG, "cut off"},
	{"first-line-only", -EBADMSG, "no key \"product\""},
	{"first-line-root", -EBADMSG, "this is no manifest"},
	{"first-line-format-2", -EBADMSG, "this is no manifest"},
	{"first-line-space", -EBADMSG, "this is no manifest"},
	{"last-line-cut", -EBADMSG, "cut off"},
	{"carriage-returns", -EBADMSG, "control character"},
	{"nul", -EBADMSG, "control character"},
	{"empty-line", -EBADMSG, "empty"},
	{"no-equals", -EBADMSG, "KEY=VALUE"},
	{"no-key", -EBADMSG, "KEY=VALUE"},
	{"twice-version", -EBADMSG, "\"version\" twice"},
	{"twice-same", -EBADMSG, "\"product\" twice"},
	{"twice-unknown", -EBADMSG, "\"colour\" twice"},
	{"missing-product", -EBADMSG, "\"product\""},
	{"missing-version", -EBADMSG, "\"version\""},
	{"missing-root_hash", -EBADMSG, "\"root_hash\""},
	{"missing-salt", -EBADMSG, "\"salt\""},
	{"missing-image_size", -EBADMSG, "\"image_size\""},
	{"missing-boot_core", -EBADMSG, "\"boot_core\""},
	{"missing-index_sha256", -EBADMSG, "\"index_sha256\""},
	{"version-empty", -EBADMSG, "version is malformed"},
	{"version-63", 0, ""},
	{"version-64", -EBADMSG, "version is malformed"},
	{"version-slash", -EBADMSG, "version is malformed"},
	{"version-space", -EBADMSG, "version is malformed"},
	{"epoch-negative", -EBADMSG, "epoch is malformed"},
	{"epoch-padded", -EBADMSG, "epoch is malformed"},
	{"epoch-hex", -EBADMSG, "epoch is malformed"},
	{"epoch-largest", 0, ""},
	{"epoch-overflow", -EBADMSG, "epoch is malformed"},
	{"block-size-512", -EBADMSG, "block_size is malformed"},
	{"fs-size-zero", -EBADMSG, "fs_size"},
	{"fs-size-odd", -EBADMSG, "fs_size"},
	{"fs-size-largest", -EBADMSG, "fs_size"},
	{"image-size-without-tree", -EBADMSG, "image_size"},
	{"image-size-one-block-more", -EBADMSG, "image_size"},
	{"salt-short", -EBADMSG, "salt is malformed"},
	{"salt-upper-case", -EBADMSG, "salt is malformed"},
	{"root-hash-long", -EBADMSG, "root_hash is malformed"},
	{"index-size-31", -EBADMSG, "index_size"},
	{"index-size-huge", -EBADMSG, "index_size"},
	{"data-size-zero", -EBADMSG, "data_size"},
	{"data-size-huge", -EBADMSG, "data_size"},
	{"boot-core-no-size", -EBADMSG, "boot_core is malformed"},
	{"boot-core-empty", -EBADMSG, "outside the image"},
	{"boot-core-last-byte", 0, ""},
	{"boot-core-past-end", -EBADMSG, "outside the image"},
	{"boot-core-wraps", -EBADMSG, "outside the image"},
	{"boot-core-three", -EBADMSG, "boot_core is malformed"},
};
enum { FILE_COUNT = sizeof(FILES) / sizeof(FILES[0]) };

static void load(const char *file, char **text, size_t *size)
{
	struct error err = ERROR_INIT;
	char path[256];

	snprintf(path, sizeof(path), FOLDER "%s", file);
	if (io_read_file(path, 1 << 20, text, size, &err) < 0)
		fail_msg("%s", err.message);
}

static void reads_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILE_COUNT; i++) {
		_cleanup_free_ char *text = NULL;
		struct error err = ERROR_INIT;
		struct manifest manifest;
		size_t size = 0;
		int r;

		load(FILES[i].file, &text, &size);
		r = manifest_parse(text, size, &manifest, &err);
		if (r != FILES[i].expected || !strstr(err.message, FILES[i].says))
			fail_msg("%s: %d (%s), expected %d (…%s…)", FILES[i].file, r, err.message,
				 FILES[i].expected, FILES[i].says);
	}
}

static void every_file_has_a_row(void **state)
{
	_cleanup_dir_ DIR *dir = opendir(FOLDER);
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	assert_int_equal(count, FILE_COUNT);
}

static void renders_what_it_read(void **state)
{
	_cleanup_free_ char *text = NULL;
	char again[MANIFEST_SIZE_MAX];
	struct error err = ERROR_INIT;
	struct manifest manifest;
	size_t size = 0, again_size = 0;

	(void)state;
	load("good", &text, &size);
	assert_int_equal(manifest_parse(text, size, &manifest, &err), 0);
	assert_string_equal(manifest.version, "2026.11.0");
	assert_int_equal(manifest.boot_core.offset, 8192);
	assert_int_equal(manifest.boot_core.size, 120000);
	assert_int_equal(manifest_render(&manifest, again, &again_size, &err), 0);
	assert_int_equal(again_size, size);
	assert_memory_equal(again, text, size);
}

static void renders_nothing_that_it_would_not_read(void **state)
{
	_cleanup_free_ char *text = NULL;
	char again[MANIFEST_SIZE_MAX];
	struct error err = ERROR_INIT;
	struct manifest manifest;
	size_t size = 0;

	(void)state;
	load("good", &text, &size);
	assert_int_equal(manifest_parse(text, size, &manifest, &err), 0);
	strcpy(manifest.kernel, "6.12\nversion=9");
	assert_int_equal(manifest_render(&manifest, again, &size, &err), -EINVAL);
}

/* The good manifest with a comment key that fills it up to `size` bytes. */
static int parse_filled(size_t size)
{
	_cleanup_free_ char *text = NULL, *filled = malloc(size);
	struct manifest manifest;
	size_t used = 0;

	load("good", &text, &used);
	memset(filled, 'x', size);
	memcpy(filled, text, used);
	filled[used + 1] = '=';
	filled[size - 1] = '\n';
	return manifest_parse(filled, size, &manifest, NULL);
}

/* The good manifest with as many keys of no meaning as make `lines` lines. */
static int parse_lines(unsigned int lines)
{
	_cleanup_free_ char *text = NULL;
	char filled[MANIFEST_SIZE_MAX];
	struct manifest manifest;
	unsigned int count = 0;
	size_t used = 0;

	load("good", &text, &used);
	memcpy(filled, text, used);
	for (size_t i = 0; i < used; i++)
		count += text[i] == '\n';
	for (; count < lines; count++)
		used += (size_t)sprintf(filled + used, "key%u=\n", count);
	return manifest_parse(filled, used, &manifest, NULL);
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(parse_filled(MANIFEST_SIZE_MAX), 0);
	assert_int_equal(parse_filled(MANIFEST_SIZE_MAX + 1), -EFBIG);
	assert_int_equal(parse_lines(DOCUMENT_LINES_MAX), 0);
	assert_int_equal(parse_lines(DOCUMENT_LINES_MAX + 1), -EBADMSG);
}

static void every_cut_is_refused(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct manifest manifest;
	size_t size = 0;

	(void)state;
	load("good", &text, &size);
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(manifest_parse(text, cut, &manifest, NULL), -EBADMSG);
}

static void target(void **state)
{
	static const struct {
		const char *name, *product, *architecture;
		int expected;
	} rows[] = {
		{"ours", "proa", "x86_64", 0},
		{"another product", "prow", "x86_64", -ENOEXEC},
		{"another architecture", "proa", "aarch64", -ENOEXEC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct manifest manifest = {.product = ""};

		strcpy(manifest.product, rows[i].product);
		strcpy(manifest.architecture, rows[i].architecture);
		assert_int_equal(manifest_check_target(&manifest, NULL), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_files),
		cmocka_unit_test(every_file_has_a_row),
		cmocka_unit_test(renders_what_it_read),
		cmocka_unit_test(renders_nothing_that_it_would_not_read),
		cmocka_unit_test(limits),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(target),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
