/*
 * Key files: PEM, PKCS#8 for private keys and SubjectPublicKeyInfo for public
 * ones, as `openssl genpkey` and `openssl pkey -pubout` write them. Needs the
 * heap; not for PID 1.
 */
#ifndef PROA_LIB_KEYS_H
#define PROA_LIB_KEYS_H

#include "lib/sign.h"

/* A key pair: OpenSSL's, not to be printed or copied. */
struct private_key;

void private_key_free(struct private_key *key);
static inline void cleanup_private_key(struct private_key **key)
{
	private_key_free(*key);
}
#define _cleanup_private_key_ __attribute__((cleanup(cleanup_private_key)))

/* A new key pair from the system's random numbers. The caller frees it. */
int private_key_generate(struct private_key **out, struct error *err);

/*
 * Reads a PEM file that holds an Ed25519 private key without a passphrase.
 * Returns 0, -EINVAL where the file holds something else, or open(2)'s errno.
 */
int private_key_load(const char *path, struct private_key **out, struct error *err);

/* Writes `path`, mode 0600; a file that is there already is an error (-EEXIST). */
int private_key_save(const struct private_key *key, const char *path, struct error *err);

/* The public half. */
int private_key_public(const struct private_key *key, struct public_key *out, struct error *err);

/* Signs the bytes. */
int private_key_sign(const struct private_key *key, const void *data, size_t size,
		     uint8_t out[SIGN_SIGNATURE_SIZE], struct error *err);

/* Reads a PEM file that holds an Ed25519 public key (-EINVAL: something else). */
int public_key_load(const char *path, struct public_key *out, struct error *err);

/* Writes `path`, mode 0644; a file that is there already is an error (-EEXIST). */
int public_key_save(const struct public_key *key, const char *path, struct error *err);

#endif
