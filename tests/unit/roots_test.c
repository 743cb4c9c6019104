/* Folders of root documents, and following from one document to the next. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/roots.h"
#include "lib/io.h"
#include "lib/keys.h"
#include "lib/trust.h"
#include "tests/unit/support/scratch.h"

enum { GENERATIONS = 5 };

/* Document N lists release key N and root key N, and is signed by root keys N - 1 and N. */
static struct private_key *release_keys[GENERATIONS + 1], *root_keys[GENERATIONS + 1];

struct document {
	char text[ROOT_SIZE_MAX], signature[SIGNATURES_SIZE_MAX];
	size_t size, signature_size;
};

static struct public_key public_of(const struct private_key *key)
{
	struct public_key out;

	assert_int_equal(private_key_public(key, &out, NULL), 0);
	return out;
}

static void sign(struct signatures *set, const struct private_key *key, const char *text,
		 size_t size)
{
	uint8_t bytes[SIGN_SIGNATURE_SIZE];

	assert_int_equal(private_key_sign(key, text, size, bytes, NULL), 0);
	assert_int_equal(signatures_add(set, public_of(key).id, bytes), 0);
}

static void make_document(unsigned int n, struct document *out)
{
	struct root root = {.number = n};
	struct signatures set = {.count = 0};
	struct public_key release = public_of(release_keys[n]), own = public_of(root_keys[n]);

	assert_int_equal(keyring_add(&root.keys, SIGN_ROLE_RELEASE, &release), 0);
	assert_int_equal(keyring_add(&root.keys, SIGN_ROLE_ROOT, &own), 0);
	assert_int_equal(root_render(&root, out->text, &out->size, NULL), 0);
	sign(&set, root_keys[n], out->text, out->size);
	if (n > 1)
		sign(&set, root_keys[n - 1], out->text, out->size);
	out->signature_size = signatures_render(&set, out->signature);
}

static void put(const char *folder, unsigned int n)
{
	struct document document;
	char path[PATH_MAX];

	make_document(n, &document);
	snprintf(path, sizeof(path), "%s/%u.root", folder, n);
	assert_int_equal(io_replace_file(path, document.text, document.size, 0644, NULL), 0);
	snprintf(path, sizeof(path), "%s/%u.root.sig", folder, n);
	assert_int_equal(
		io_replace_file(path, document.signature, document.signature_size, 0644, NULL), 0);
}

static int set_up(void **state)
{
	for (unsigned int n = 1; n <= GENERATIONS; n++)
		if (private_key_generate(&release_keys[n], NULL) < 0 ||
		    private_key_generate(&root_keys[n], NULL) < 0)
			return -1;
	return scratch_set_up(state);
}

static int tear_down(void **state)
{
	for (unsigned int n = 1; n <= GENERATIONS; n++) {
		private_key_free(release_keys[n]);
		private_key_free(root_keys[n]);
	}
	return scratch_tear_down(state);
}

static bool has(const struct keyring *ring, unsigned int n)
{
	struct public_key key = public_of(release_keys[n]);

	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i].role == SIGN_ROLE_RELEASE &&
		    memcmp(ring->entries[i].key.raw, key.raw, SIGN_KEY_SIZE) == 0)
			return true;
	return false;
}

/* "123": release keys 1, 2 and 3. */
static void expect_keys(const char *rule, const struct keyring *ring, const char *expected)
{
	for (unsigned int n = 1; n <= GENERATIONS; n++)
		if (has(ring, n) != (strchr(expected, (int)('0' + n)) != NULL))
			fail_msg("%s: key %u", rule, n);
}

static void test_load(void **state)
{
	static const struct {
		const char *rule, *image, *seen, *commands; /* in the folder of both */
		int expected;
		uint64_t newest;
		const char *former;
	} rows[] = {
		{"an image with the first document alone", "1", "", ":", 0, 1, "1"},
		{"the newest under its own number", "3", "", ":", 0, 3, "3"},
		{"an image has the earlier ones, too", "123", "", ":", 0, 3, "123"},
		{"later ones were accepted", "1", "23", ":", 0, 3, "123"},
		{"what the image has counts, not an older copy", "23", "123", ":", 0, 3, "23"},
		{"a gap ends it", "1", "34", ":", 0, 1, "1"},
		{"a later one that is not signed by the one before", "1", "24",
		 "mv seen/4.root seen/3.root; mv seen/4.root.sig seen/3.root.sig", 0, 2, "12"},
		{"a damaged one", "1", "23", "echo >> seen/2.root", 0, 1, "1"},
		{"a cut one", "1", "23", ": > seen/3.root", 0, 2, "12"},
		{"without signatures", "1", "23", "rm seen/3.root.sig", 0, 2, "12"},
		{"no folder of later ones", "12", "", "rmdir seen", 0, 2, "12"},
		{"names that are no numbers", "12", "",
		 "cp image/1.root image/01.root; : > image/x.root", 0, 2, "12"},
		{"a damaged document of former times is left out", "123", "", ": > image/1.root", 0,
		 3, "23"},
		{"the newest is damaged", "12", "", ": > image/2.root", -EBADMSG, 0, ""},
		{"the newest is not signed", "12", "", "rm image/2.root.sig", -ENOENT, 0, ""},
		{"none", "", "12", ":", -ENOENT, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = ERROR_INIT;
		struct roots roots;
		int r;

		assert_int_equal(system("rm -rf image seen; mkdir image seen"), 0);
		for (const char *n = rows[i].image; *n; n++)
			put("image", (unsigned int)(*n - '0'));
		for (const char *n = rows[i].seen; *n; n++)
			put("seen", (unsigned int)(*n - '0'));
		assert_int_equal(system(rows[i].commands), 0);
		r = roots_load("image", "seen", &roots, &err);
		if (r != rows[i].expected || (r == 0 && roots.newest.number != rows[i].newest))
			fail_msg("%s: %d, number %llu, \"%s\"", rows[i].rule, r,
				 (unsigned long long)roots.newest.number, err.message);
		if (r < 0)
			continue;
		expect_keys(rows[i].rule, &roots.former, rows[i].former);
		assert_true(has(&roots.newest.keys, (unsigned int)rows[i].newest));
	}
	assert_int_equal(system("rm -rf image seen"), 0);
}

/* More keys than a ring holds: the oldest go. */
static void test_former_is_full(void **state)
{
	struct keyring former = {.count = 0};

	(void)state;
	for (unsigned int i = 0; i < KEYRING_MAX + 3; i++) {
		struct root root = {.number = i + 1};
		uint8_t raw[SIGN_KEY_SIZE] = {(uint8_t)(i + 1)};
		struct public_key key;

		assert_int_equal(public_key_from_raw(raw, &key), 0);
		assert_int_equal(keyring_add(&root.keys, SIGN_ROLE_ROOT, &key), 0);
		assert_int_equal(keyring_add(&root.keys, SIGN_ROLE_RELEASE, &key), 0);
		roots_add_former(&former, &root);
		roots_add_former(&former, &root);
	}
	assert_int_equal(former.count, KEYRING_MAX);
	assert_int_equal(former.entries[0].key.raw[0], 4);
	assert_int_equal(former.entries[KEYRING_MAX - 1].key.raw[0], KEYRING_MAX + 3);
}

static int follow(struct trust *trust, unsigned int n)
{
	struct document document;

	make_document(n, &document);
	return trust_follow(trust, document.text, document.size, document.signature,
			    document.signature_size, NULL);
}

/* Each in turn; what is new needs the keys of today, and what is there those of any day. */
static void test_follow(void **state)
{
	struct option_list files = {.count = 2};
	struct public_key beside = public_of(release_keys[5]), first = public_of(release_keys[1]);
	struct trust trust, before;

	(void)state;
	assert_int_equal(mkdir("keys", 0755), 0);
	put("keys", 1);
	assert_int_equal(public_key_save(&beside, "keys/5.pub", NULL), 0);
	files.items[0] = "keys/1.root";
	files.items[1] = "keys/5.pub";
	assert_int_equal(trust_load(&files, &trust, NULL), 0);
	assert_int_equal(trust.root.number, 1);
	assert_false(trust.of_machine);
	expect_keys("named", &trust.ring, "15");
	assert_true(trust_is_in_force(&trust, &first));

	before = trust;
	assert_int_equal(follow(&trust, 3), -EBADMSG);
	assert_int_equal(follow(&trust, 1), -EBADMSG);
	assert_memory_equal(&trust, &before, sizeof(trust));

	assert_int_equal(follow(&trust, 2), 0);
	assert_int_equal(follow(&trust, 3), 0);
	assert_int_equal(trust.root.number, 3);
	/* A key that a person named is no matter of root documents. */
	expect_keys("followed", &trust.ring, "35");
	expect_keys("what is there", &trust.former, "1235");
	assert_false(trust_is_in_force(&trust, &first));
	assert_true(trust_is_in_force(&trust, &beside));

	/* Of two documents the later one is in force, in whatever order they are named. */
	put("keys", 3);
	files.items[1] = "keys/3.root";
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(trust_load(&files, &trust, NULL), 0);
		assert_int_equal(trust.root.number, 3);
		expect_keys("two documents", &trust.ring, "3");
		expect_keys("what is there", &trust.former, "13");
		files.items[0] = "keys/3.root";
		files.items[1] = "keys/1.root";
	}
	assert_int_equal(system("rm -r keys"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_former_is_full),
		cmocka_unit_test(test_follow),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
