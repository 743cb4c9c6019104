/* Keys, signatures and the files that hold them; openssl(1) as a peer. */
#include <errno.h>
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
#include "lib/format/keyfile.h"
#include "lib/format/signature.h"
#include "lib/io.h"
#include "lib/keys.h"

#define KEYS "testdata/keys/"

static const char MESSAGE[] = "proa-manifest 1\n";
enum { MESSAGE_SIZE = sizeof(MESSAGE) - 1 };

static void ok(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->message);
}

static struct public_key public_of(const char *name)
{
	struct error err = ERROR_INIT;
	struct public_key key;
	char path[128];

	snprintf(path, sizeof(path), KEYS "%s.pub", name);
	ok(public_key_load(path, &key, &err), &err);
	return key;
}

static void sign_by(const char *name, struct signatures *set)
{
	_cleanup_private_key_ struct private_key *key = NULL;
	uint8_t bytes[SIGN_SIGNATURE_SIZE];
	struct error err = ERROR_INIT;
	struct public_key public;
	char path[128];

	snprintf(path, sizeof(path), KEYS "%s.key", name);
	ok(private_key_load(path, &key, &err), &err);
	ok(private_key_public(key, &public, &err), &err);
	ok(private_key_sign(key, MESSAGE, MESSAGE_SIZE, bytes, &err), &err);
	assert_int_equal(signatures_add(set, public.id, bytes), 0);
}

/* RFC 8032 §7.1, TEST 2. */
static void known_answer(void **state)
{
	static const uint8_t raw[32] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a,
					0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
					0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c,
					0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
	static const uint8_t signature[64] = {
		0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f,
		0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76,
		0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99,
		0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae,
		0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};
	struct public_key key;

	(void)state;
	assert_int_equal(public_key_from_raw(raw, &key), 0);
	assert_int_equal(sign_verify(&key, "\x72", 1, signature), 0);
	assert_int_equal(sign_verify(&key, "\x73", 1, signature), -EKEYREJECTED);
	assert_int_equal(sign_verify(&key, "\x72", 0, signature), -EKEYREJECTED);
}

static void every_bit_counts(void **state)
{
	struct signatures set = {.count = 0};
	struct public_key key = public_of("release");

	(void)state;
	sign_by("release", &set);
	assert_int_equal(sign_verify(&key, MESSAGE, MESSAGE_SIZE, set.entries[0].bytes), 0);
	for (size_t bit = 0; bit < SIGN_SIGNATURE_SIZE * 8; bit++) {
		uint8_t bytes[SIGN_SIGNATURE_SIZE];

		memcpy(bytes, set.entries[0].bytes, sizeof(bytes));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(sign_verify(&key, MESSAGE, MESSAGE_SIZE, bytes), -EKEYREJECTED);
	}
}

static void base64(void **state)
{
	static const struct {
		const char *name, *text;
		size_t size;
		int expected;
	} rows[] = {
		{"one byte", "AA==", 1, 0},
		{"two bytes", "AAA=", 2, 0},
		{"three bytes", "AAAA", 3, 0},
		{"too long for the size", "AAAA", 1, -EINVAL},
		{"left-over bits", "AB==", 1, -EINVAL},
		{"white space", " AA=", 1, -EINVAL},
		{"no padding", "AA", 1, -EINVAL},
		{"URL alphabet", "-_==", 1, -EINVAL},
		{"padding in front", "=AAA", 3, -EINVAL},
	};
	uint8_t out[SIGN_SIGNATURE_SIZE + 1];
	char longest[SIGN_SIGNATURE_BASE64 + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (base64_decode(rows[i].text, strlen(rows[i].text), out, rows[i].size) !=
		    rows[i].expected)
			fail_msg("%s", rows[i].name);
	memset(out, 0xa5, sizeof(out));
	base64_encode(out, SIGN_SIGNATURE_SIZE, longest);
	assert_int_equal(base64_decode(longest, strlen(longest), out, SIGN_SIGNATURE_SIZE), 0);
	assert_int_equal(base64_decode(longest, strlen(longest), out, SIGN_SIGNATURE_SIZE + 1),
			 -EINVAL);
}

#define ID0 "0123456789abcdef"
#define B64                                                                                        \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define FIRST "proa-signature 1\n"

static void reads_files(void **state)
{
	static const struct {
		const char *name, *text;
		int expected;
	} rows[] = {
		{"none yet", FIRST, 0},
		{"one", FIRST ID0 " " B64 "\n", 0},
		{"empty file", "", -EBADMSG},
		{"another type", "proa-root 1\n", -EBADMSG},
		{"another format", "proa-signature 2\n", -EBADMSG},
		{"cut off", FIRST ID0 " " B64, -EBADMSG},
		{"key id too short", FIRST "0123456789abcde " B64 "\n", -EBADMSG},
		{"key id too long", FIRST ID0 "0 " B64 "\n", -EBADMSG},
		{"key id in upper case", FIRST "0123456789ABCDEF " B64 "\n", -EBADMSG},
		{"signature too short", FIRST ID0 " AAAA\n", -EBADMSG},
		{"signature too long", FIRST ID0 " " B64 "AAAA\n", -EBADMSG},
		{"no signature", FIRST ID0 "\n", -EBADMSG},
		{"two blanks", FIRST ID0 "  " B64 "\n", -EBADMSG},
		{"blank at the end", FIRST ID0 " " B64 " \n", -EBADMSG},
		{"one key twice", FIRST ID0 " " B64 "\n" ID0 " " B64 "\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct signatures set;

		if (signatures_parse(rows[i].text, strlen(rows[i].text), &set, NULL) !=
		    rows[i].expected)
			fail_msg("%s", rows[i].name);
	}
}

/* A file with `count` signatures by keys that differ. */
static int parse_count(unsigned int count)
{
	struct signatures set;
	char text[2048] = FIRST;

	for (unsigned int i = 0; i < count; i++)
		sprintf(text + strlen(text), "%016x " B64 "\n", i);
	return signatures_parse(text, strlen(text), &set, NULL);
}

static void limits(void **state)
{
	struct signatures set = {.count = 0};
	char text[SIGNATURES_SIZE_MAX + 2], id[SIGN_ID_SIZE];
	const uint8_t zeros[SIGN_SIGNATURE_SIZE] = {0};

	(void)state;
	assert_int_equal(parse_count(SIGNATURES_MAX), 0);
	assert_int_equal(parse_count(SIGNATURES_MAX + 1), -EBADMSG);
	for (unsigned int i = 0; i < SIGNATURES_MAX; i++) {
		snprintf(id, sizeof(id), "%016x", i);
		assert_int_equal(signatures_add(&set, id, zeros), 0);
	}
	assert_int_equal(signatures_add(&set, ID0, zeros), -ENOSPC);
	assert_int_equal(signatures_add(&set, "0000000000000000", zeros), 0);
	assert_int_equal(set.count, SIGNATURES_MAX);
	assert_true(signatures_render(&set, text) < SIGNATURES_SIZE_MAX);
	memset(text, 'x', sizeof(text));
	text[SIGNATURES_SIZE_MAX] = '\n';
	assert_int_equal(signatures_parse(text, SIGNATURES_SIZE_MAX + 1, &set, NULL), -EFBIG);
}

/* Who signed, whom the ring knows as what, and what comes of it. */
static void rings(void **state)
{
	static const struct {
		const char *name;
		const char *signers[3];
		const char *known;
		enum sign_role known_as;
		bool changed; /* a byte of the message */
		int expected;
	} rows[] = {
		{"a release key", {"release"}, "release", SIGN_ROLE_RELEASE, false, 0},
		{"nobody", {NULL}, "release", SIGN_ROLE_RELEASE, false, -ENOKEY},
		{"a stranger", {"stranger"}, "release", SIGN_ROLE_RELEASE, false, -ENOKEY},
		{"a key of another role",
		 {"channel"},
		 "channel",
		 SIGN_ROLE_CHANNEL,
		 false,
		 -ENOKEY},
		{"a root key", {"root"}, "root", SIGN_ROLE_ROOT, false, -ENOKEY},
		{"one of several", {"stranger", "release"}, "release", SIGN_ROLE_RELEASE, false, 0},
		{"changed data", {"release"}, "release", SIGN_ROLE_RELEASE, true, -EKEYREJECTED},
		{"changed data, a stranger too",
		 {"stranger", "release"},
		 "release",
		 SIGN_ROLE_RELEASE,
		 true,
		 -EKEYREJECTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct public_key known = public_of(rows[i].known), by;
		struct keyring ring = {.count = 0};
		struct signatures set = {.count = 0};
		char message[MESSAGE_SIZE];
		int r;

		memcpy(message, MESSAGE, MESSAGE_SIZE);
		message[3] ^= rows[i].changed;
		for (size_t s = 0; rows[i].signers[s]; s++)
			sign_by(rows[i].signers[s], &set);
		assert_int_equal(keyring_add(&ring, rows[i].known_as, &known), 0);
		r = signatures_verify(&set, &ring, SIGN_ROLE_RELEASE, message, MESSAGE_SIZE, "it",
				      &by, NULL);
		if (r != rows[i].expected)
			fail_msg("%s: %d", rows[i].name, r);
		if (r == 0)
			assert_string_equal(by.id, known.id);
	}
}

/* While a signed document is replaced, the file beside it serves the old one and the new one. */
static void joined(void **state)
{
	struct signatures set = {.count = 0}, again = {.count = 0}, other = {.count = 0};
	struct public_key known = public_of("release");
	struct keyring ring = {.count = 0};
	char text[SIGNATURES_SIZE_MAX];
	size_t size;

	(void)state;
	sign_by("release", &set);
	other = set;
	other.entries[0].bytes[7] ^= 1;
	assert_int_equal(keyring_add(&ring, SIGN_ROLE_RELEASE, &known), 0);
	assert_int_equal(signatures_join(&other, &set), 0);
	assert_int_equal(other.count, 2);
	assert_int_equal(signatures_join(&other, &set), 0);
	assert_int_equal(other.count, 2);
	size = signatures_render(&other, text);
	assert_int_equal(signatures_parse(text, size, &again, NULL), 0);
	assert_int_equal(signatures_verify(&again, &ring, SIGN_ROLE_RELEASE, MESSAGE, MESSAGE_SIZE,
					   "it", NULL, NULL),
			 0);
	assert_int_equal(signatures_add(&again, known.id, set.entries[0].bytes), 0);
	assert_int_equal(again.count, 1);
	for (uint8_t i = 0; i < SIGNATURES_MAX; i++) {
		other.entries[0].bytes[0] = i;
		other.count = 1;
		assert_int_equal(signatures_join(&again, &other),
				 i + 1 < SIGNATURES_MAX ? 0 : -ENOSPC);
	}
}

static void ring_is_bounded(void **state)
{
	struct keyring ring = {.count = 0};
	struct public_key key = {.raw = {0}};

	(void)state;
	for (unsigned int i = 0; i < KEYRING_MAX; i++) {
		key.raw[0] = (uint8_t)i;
		assert_int_equal(keyring_add(&ring, SIGN_ROLE_RELEASE, &key), 0);
	}
	assert_int_equal(keyring_add(&ring, SIGN_ROLE_RELEASE, &key), 0);
	assert_int_equal(ring.count, KEYRING_MAX);
	assert_int_equal(keyring_add(&ring, SIGN_ROLE_CHANNEL, &key), -ENOSPC);
}

static void key_files(void **state)
{
	static const struct {
		const char *file;
		int expected;
		size_t keys;
	} rows[] = {
		{KEYS "release.pub", 0, 1},        {KEYS "1.root", 0, 3},
		{KEYS "release.key", -EINVAL, 0},  {KEYS "README", -EINVAL, 0},
		{KEYS "no-such-file", -ENOENT, 0}, {"testdata/manifests/good", -EINVAL, 0},
		{"/dev/zero", -EFBIG, 0},
	};
	struct private_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyring ring = {.count = 0};

		assert_int_equal(keyfile_add(rows[i].file, &ring, NULL), rows[i].expected);
		assert_int_equal(ring.count, rows[i].keys);
	}
	assert_int_equal(private_key_load(KEYS "release.pub", &key, NULL), -EINVAL);
}

static void writes_keys(void **state)
{
	_cleanup_private_key_ struct private_key *key = NULL, *again = NULL;
	struct public_key public, public_again, loaded;
	struct error err = ERROR_INIT;
	char folder[] = "/tmp/proa-signature-XXXXXX", private_path[64], public_path[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(private_path, sizeof(private_path), "%s/k", folder);
	snprintf(public_path, sizeof(public_path), "%s/p", folder);
	ok(private_key_generate(&key, &err), &err);
	ok(private_key_public(key, &public, &err), &err);
	ok(private_key_save(key, private_path, &err), &err);
	ok(public_key_save(&public, public_path, &err), &err);
	assert_int_equal(stat(private_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(private_key_save(key, private_path, NULL), -EEXIST);
	ok(private_key_load(private_path, &again, &err), &err);
	ok(private_key_public(again, &public_again, &err), &err);
	ok(public_key_load(public_path, &loaded, &err), &err);
	assert_string_equal(public.id, public_again.id);
	assert_memory_equal(public.raw, loaded.raw, SIGN_KEY_SIZE);
	unlink(private_path);
	unlink(public_path);
	rmdir(folder);
}

/* What an HSM's tool does: openssl signs our bytes, and checks our signature. */
static void openssl_agrees(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	char folder[] = "/tmp/proa-signature-XXXXXX", command[512], path[64];
	struct signatures set = {.count = 0};
	struct public_key key = public_of("release");
	struct error err = ERROR_INIT;
	size_t size = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/message", folder);
	ok(io_replace_file(path, MESSAGE, MESSAGE_SIZE, 0644, &err), &err);
	snprintf(command, sizeof(command),
		 "cd %s && openssl pkeyutl -sign -rawin -inkey $OLDPWD/" KEYS
		 "release.key -in message -out theirs",
		 folder);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/theirs", folder);
	ok(io_read_file(path, SIGN_SIGNATURE_SIZE, &bytes, &size, &err), &err);
	assert_int_equal(size, SIGN_SIGNATURE_SIZE);
	assert_int_equal(sign_verify(&key, MESSAGE, MESSAGE_SIZE, (const uint8_t *)bytes), 0);

	sign_by("release", &set);
	snprintf(path, sizeof(path), "%s/ours", folder);
	ok(io_replace_file(path, set.entries[0].bytes, SIGN_SIGNATURE_SIZE, 0644, &err), &err);
	snprintf(command, sizeof(command),
		 "cd %s && openssl pkeyutl -verify -rawin -pubin -inkey $OLDPWD/" KEYS
		 "release.pub -sigfile ours -in message >/dev/null",
		 folder);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answer),   cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(base64),         cmocka_unit_test(reads_files),
		cmocka_unit_test(limits),         cmocka_unit_test(rings),
		cmocka_unit_test(joined),         cmocka_unit_test(ring_is_bounded),
		cmocka_unit_test(key_files),      cmocka_unit_test(writes_keys),
		cmocka_unit_test(openssl_agrees),
	};

	return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
