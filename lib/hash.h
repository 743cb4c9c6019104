/* SHA-256, by OpenSSL's EVP. */
#ifndef PROA_LIB_HASH_H
#define PROA_LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

enum {
	HASH_SIZE = 32,            /* bytes */
	HASH_HEX_SIZE = 2 * 32 + 1 /* digits and a NUL */
};

struct hash;

/* A new, empty hash; NULL where there is no memory. The caller frees it. */
struct hash *hash_new(void);
void hash_free(struct hash *hash);

/* Starts over. All of these return 0 or -EIO (OpenSSL refused). */
int hash_reset(struct hash *hash);
int hash_update(struct hash *hash, const void *data, size_t size);
int hash_final(struct hash *hash, uint8_t out[HASH_SIZE]);

/* One buffer at once. Returns 0 or -EIO. */
int hash_bytes(const void *data, size_t size, uint8_t out[HASH_SIZE]);

static inline void cleanup_hash(struct hash **hash)
{
	hash_free(*hash);
}
#define _cleanup_hash_ __attribute__((cleanup(cleanup_hash)))

#endif
