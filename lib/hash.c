#include "lib/hash.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct hash {
	EVP_MD_CTX *context;
	EVP_MD *method; /* fetched once: EVP_sha256() looks it up anew at every start */
};

struct hash *hash_new(void)
{
	struct hash *hash = calloc(1, sizeof(*hash));

	if (!hash)
		return NULL;
	hash->context = EVP_MD_CTX_new();
	hash->method = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!hash->context || !hash->method || hash_reset(hash) < 0) {
		hash_free(hash);
		return NULL;
	}
	return hash;
}

void hash_free(struct hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	EVP_MD_free(hash->method);
	free(hash);
}

int hash_reset(struct hash *hash)
{
	return EVP_DigestInit_ex2(hash->context, hash->method, NULL) == 1 ? 0 : -EIO;
}

int hash_update(struct hash *hash, const void *data, size_t size)
{
	return EVP_DigestUpdate(hash->context, data, size) == 1 ? 0 : -EIO;
}

int hash_final(struct hash *hash, uint8_t out[HASH_SIZE])
{
	unsigned int length = 0;

	if (EVP_DigestFinal_ex(hash->context, out, &length) != 1 || length != HASH_SIZE)
		return -EIO;
	return 0;
}

int hash_bytes(const void *data, size_t size, uint8_t out[HASH_SIZE])
{
	unsigned int length = 0;

	if (EVP_Digest(data, size, out, &length, EVP_sha256(), NULL) != 1 || length != HASH_SIZE)
		return -EIO;
	return 0;
}
