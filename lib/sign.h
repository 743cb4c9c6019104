/*
 * Ed25519 (RFC 8032) keys and what they vouch for, by OpenSSL's EVP. This half
 * only verifies, without the heap where OpenSSL allows it: PID 1 links it.
 * Private keys and PEM files are in lib/keys.h.
 */
#ifndef PROA_LIB_SIGN_H
#define PROA_LIB_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum {
	SIGN_KEY_SIZE = 32,       /* bytes of a raw public key */
	SIGN_SIGNATURE_SIZE = 64, /* bytes of a signature */
	SIGN_ID_DIGITS = 16,      /* hex digits of a key id */
	SIGN_ID_SIZE = SIGN_ID_DIGITS + 1,
	SIGN_KEY_BASE64 = 44, /* characters, padding included */
	SIGN_SIGNATURE_BASE64 = 88,
	KEYRING_MAX = 32, /* keys in one ring */
};

/* What a key may sign. The key that lives on a server can't sign a release. */
enum sign_role {
	SIGN_ROLE_RELEASE,
	SIGN_ROLE_CHANNEL,
	SIGN_ROLE_ROOT,
};

struct public_key {
	uint8_t raw[SIGN_KEY_SIZE];
	char id[SIGN_ID_SIZE]; /* the first 16 hex digits of SHA-256(raw) */
};

struct keyring {
	struct {
		struct public_key key;
		enum sign_role role;
	} entries[KEYRING_MAX];
	size_t count;
};

/* Fills `out` from 32 raw bytes, key id included. Returns 0 or -EIO. */
int public_key_from_raw(const uint8_t raw[SIGN_KEY_SIZE], struct public_key *out);

/* Checks one signature over `data`. Returns 0, -EKEYREJECTED, or -EIO (OpenSSL refused). */
int sign_verify(const struct public_key *key, const void *data, size_t size,
		const uint8_t signature[SIGN_SIGNATURE_SIZE]);

/* Adds a key; the same key with the same role counts once. Returns 0 or -ENOSPC. */
int keyring_add(struct keyring *ring, enum sign_role role, const struct public_key *key);

/* "release", "channel", "root". */
const char *sign_role_name(enum sign_role role);
/* The role that `name` (of `length` characters) means. Returns 0 or -EINVAL. */
int sign_role_parse(const char *name, size_t length, enum sign_role *out);

/* True for exactly 16 lower-case hex digits. */
bool sign_id_is_valid(const char *id, size_t length);

/* Standard base64 with padding; `out` has room for 4 * ((size + 2) / 3) + 1 characters. */
void base64_encode(const uint8_t *data, size_t size, char *out);

/*
 * Decodes `length` characters that must hold exactly `size` bytes, 64 at the
 * most. Returns 0 or -EINVAL; only the canonical spelling is accepted.
 */
int base64_decode(const char *text, size_t length, uint8_t *out, size_t size);

#endif
