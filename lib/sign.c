#include "lib/sign.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/hash.h"
#include "lib/hex.h"

int public_key_from_raw(const uint8_t raw[SIGN_KEY_SIZE], struct public_key *out)
{
	uint8_t digest[HASH_SIZE];
	int r = hash_bytes(raw, SIGN_KEY_SIZE, digest);

	if (r < 0)
		return r;
	memcpy(out->raw, raw, SIGN_KEY_SIZE);
	hex_encode(digest, SIGN_ID_DIGITS / 2, out->id);
	return 0;
}

int sign_verify(const struct public_key *key, const void *data, size_t size,
		const uint8_t signature[SIGN_SIGNATURE_SIZE])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key->raw,
							SIGN_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = -EIO;

	if (pkey && context &&
	    EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, pkey, NULL) == 1)
		/* Anything but 1 is a refusal; OpenSSL answers 0 or a negative number. */
		r = EVP_DigestVerify(context, signature, SIGN_SIGNATURE_SIZE, data, size) == 1
			    ? 0
			    : -EKEYREJECTED;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return r;
}

int keyring_add(struct keyring *ring, enum sign_role role, const struct public_key *key)
{
	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i].role == role &&
		    memcmp(ring->entries[i].key.raw, key->raw, SIGN_KEY_SIZE) == 0)
			return 0;
	if (ring->count == KEYRING_MAX)
		return -ENOSPC;
	ring->entries[ring->count].key = *key;
	ring->entries[ring->count].role = role;
	ring->count++;
	return 0;
}

static const char *const ROLES[] = {
	[SIGN_ROLE_RELEASE] = "release",
	[SIGN_ROLE_CHANNEL] = "channel",
	[SIGN_ROLE_ROOT] = "root",
};

const char *sign_role_name(enum sign_role role)
{
	return ROLES[role];
}

int sign_role_parse(const char *name, size_t length, enum sign_role *out)
{
	for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
		if (strlen(ROLES[i]) == length && memcmp(ROLES[i], name, length) == 0) {
			*out = (enum sign_role)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool sign_id_is_valid(const char *id, size_t length)
{
	if (length != SIGN_ID_DIGITS)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(id[i] >= '0' && id[i] <= '9') && !(id[i] >= 'a' && id[i] <= 'f'))
			return false;
	return true;
}

void base64_encode(const uint8_t *data, size_t size, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, data, (int)size);
}

int base64_decode(const char *text, size_t length, uint8_t *out, size_t size)
{
	/* EVP_DecodeBlock writes three bytes for four characters, padding included. */
	unsigned char decoded[SIGN_SIGNATURE_SIZE + 2];
	char again[SIGN_SIGNATURE_BASE64 + 1];

	if (size > SIGN_SIGNATURE_SIZE || length != 4 * ((size + 2) / 3))
		return -EINVAL;
	if (EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)length) < 0)
		return -EINVAL;
	/* It skips white space and ignores left-over bits: only what we would write is right. */
	base64_encode(decoded, size, again);
	if (memcmp(again, text, length) != 0)
		return -EINVAL;
	memcpy(out, decoded, size);
	return 0;
}
