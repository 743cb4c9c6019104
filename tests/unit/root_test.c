/* The root document: which keys are valid, and who may say so. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/root.h"
#include "lib/io.h"

#define KEYS "testdata/keys/"

static void load(const char *path, char **text, size_t *size)
{
	struct error err = ERROR_INIT;

	if (io_read_file(path, ROOT_SIZE_MAX, text, size, &err) < 0)
		fail_msg("%s", err.message);
}

/* 1.root with `from` replaced by `to`. */
static int parse_changed(const char *from, const char *to)
{
	_cleanup_free_ char *text = NULL;
	char changed[2 * ROOT_SIZE_MAX];
	struct root root;
	size_t size = 0;
	char *at;

	load(KEYS "1.root", &text, &size);
	at = strstr(text, from);
	if (!at)
		fail_msg("1.root has no \"%s\"", from);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
		 at + strlen(from));
	return root_parse(changed, strlen(changed), &root, NULL);
}

static void reads_documents(void **state)
{
	static const struct {
		const char *name, *from, *to;
		int expected;
	} rows[] = {
		{"as it is", "number=1", "number=1", 0},
		{"unknown key", "number=1", "number=1\ncolour=blue", 0},
		{"must understand", "number=1", "number=1\n!threshold=2", -EOPNOTSUPP},
		{"another type", "proa-root 1", "proa-manifest 1", -EBADMSG},
		{"another format", "proa-root 1", "proa-root 2", -EBADMSG},
		{"no number", "number=1\n", "", -EBADMSG},
		{"number twice", "number=1", "number=1\nnumber=1", -EBADMSG},
		{"number zero", "number=1", "number=0", -EBADMSG},
		{"number padded", "number=1", "number=01", -EBADMSG},
		{"unknown role", "key=channel", "key=owner", -EBADMSG},
		{"no root key", "key=root", "key=channel", -EBADMSG},
		{"no release key", "key=release", "key=channel", -EBADMSG},
		{"id of another key", "key=root ", "key=root 0", -EBADMSG},
		{"key too long", "=\n", "=AAAA\n", -EBADMSG},
		{"key cut", "=\n", "\n", -EBADMSG},
		{"no key at all", "key=channel", "key=", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse_changed(rows[i].from, rows[i].to) != rows[i].expected)
			fail_msg("%s", rows[i].name);
}

static void renders_what_it_read(void **state)
{
	_cleanup_free_ char *text = NULL;
	char again[ROOT_SIZE_MAX];
	struct root root;
	size_t size = 0, again_size = 0;

	(void)state;
	load(KEYS "1.root", &text, &size);
	assert_int_equal(root_parse(text, size, &root, NULL), 0);
	assert_int_equal(root.number, 1);
	assert_int_equal(root.keys.count, 3);
	assert_int_equal(root_render(&root, again, &again_size, NULL), 0);
	assert_int_equal(again_size, size);
	assert_memory_equal(again, text, size);
}

/* The largest ring is rendered and read; one key more is refused. */
static void limits(void **state)
{
	struct root root = {.number = UINT64_MAX}, again;
	char text[ROOT_SIZE_MAX + 1], line[128], base64[SIGN_KEY_BASE64 + 1];
	struct public_key key;
	size_t size = 0;

	(void)state;
	for (unsigned int i = 0; i < KEYRING_MAX; i++) {
		uint8_t raw[SIGN_KEY_SIZE] = {(uint8_t)(i + 1)};

		assert_int_equal(public_key_from_raw(raw, &key), 0);
		assert_int_equal(keyring_add(&root.keys,
					     i % 2 ? SIGN_ROLE_ROOT : SIGN_ROLE_RELEASE, &key),
				 0);
	}
	assert_int_equal(root_render(&root, text, &size, NULL), 0);
	assert_int_equal(root_parse(text, size, &again, NULL), 0);
	assert_int_equal(again.keys.count, KEYRING_MAX);

	assert_int_equal(public_key_from_raw((const uint8_t[SIGN_KEY_SIZE]){0}, &key), 0);
	base64_encode(key.raw, SIGN_KEY_SIZE, base64);
	snprintf(line, sizeof(line), "key=root %s %s\n", key.id, base64);
	memcpy(text + size, line, strlen(line) + 1);
	assert_int_equal(root_parse(text, size + strlen(line), &again, NULL), -EBADMSG);

	memset(text, 'x', sizeof(text));
	text[ROOT_SIZE_MAX] = '\n';
	assert_int_equal(root_parse(text, ROOT_SIZE_MAX + 1, &again, NULL), -EFBIG);
}

static void chain(void **state)
{
	static const struct {
		const char *name, *document, *signature, *previous;
		int expected;
	} rows[] = {
		{"the first, by itself", "1.root", "1.root.sig", NULL, 0},
		{"the second, by itself", "2.root", "2.root.sig", NULL, 0},
		{"the second, after the first", "2.root", "2.root.sig", "1.root", 0},
		{"the first again", "1.root", "1.root.sig", "1.root", -EBADMSG},
		{"back to the first", "1.root", "1.root.sig", "2.root", -EBADMSG},
		{"another one's signature", "1.root", "2.root.sig", NULL, -EKEYREJECTED},
		{"a signature by an old key alone", "2.root", "1.root.sig", NULL, -ENOKEY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *text = NULL, *signature = NULL;
		size_t size = 0, signature_size = 0;
		struct root previous, root;
		struct error err = ERROR_INIT;
		char path[128];
		int r;

		snprintf(path, sizeof(path), KEYS "%s", rows[i].document);
		load(path, &text, &size);
		snprintf(path, sizeof(path), KEYS "%s", rows[i].signature);
		load(path, &signature, &signature_size);
		if (rows[i].previous) {
			snprintf(path, sizeof(path), KEYS "%s", rows[i].previous);
			assert_int_equal(root_load(path, &previous, &err), 0);
		}
		r = root_verify(text, size, signature, signature_size,
				rows[i].previous ? &previous : NULL, &root, &err);
		if (r != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].name, r, err.message);
	}
}

static void load_needs_both_files(void **state)
{
	struct root root;

	(void)state;
	assert_int_equal(root_load(KEYS "no-such.root", &root, NULL), -ENOENT);
	assert_int_equal(root_load("testdata/manifests/good", &root, NULL), -ENOENT);
	assert_int_equal(root_load("/dev/zero", &root, NULL), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_documents),
		cmocka_unit_test(renders_what_it_read),
		cmocka_unit_test(limits),
		cmocka_unit_test(chain),
		cmocka_unit_test(load_needs_both_files),
	};

	return cmocka_run_group_tests_name("root", tests, NULL, NULL);
}
