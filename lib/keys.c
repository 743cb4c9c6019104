#include "lib/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/cleanup.h"
#include "lib/io.h"

/* An EVP_PKEY under a name of our own: callers need no OpenSSL header. */
static EVP_PKEY *pkey_of(const struct private_key *key)
{
	return (EVP_PKEY *)(uintptr_t)key;
}

void private_key_free(struct private_key *key)
{
	EVP_PKEY_free(pkey_of(key));
}

static void cleanup_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
static void cleanup_bio(BIO **bio)
{
	BIO_free(*bio);
}
#define _cleanup_pkey_ _cleanup_(cleanup_pkey)
#define _cleanup_bio_  _cleanup_(cleanup_bio)

int private_key_generate(struct private_key **out, struct error *err)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!key)
		return error_set(err, -EIO, "OpenSSL could not make an Ed25519 key");
	*out = (struct private_key *)key;
	return 0;
}

enum { KEY_FILE_MAX = 16 << 10 };

/* Reads `path` into memory that a BIO lends out; the caller frees both. */
static int open_pem(const char *path, char **text, size_t *size, BIO **bio, struct error *err)
{
	int r = io_read_file(path, KEY_FILE_MAX, text, size, err);

	if (r < 0)
		return r;
	*bio = BIO_new_mem_buf(*text, (int)*size);
	return *bio ? 0 : error_oom(err);
}

/* A passphrase is never asked for: signing runs unattended. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

int private_key_load(const char *path, struct private_key **out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_bio_ BIO *bio = NULL;
	EVP_PKEY *key;
	size_t size = 0;
	int r = open_pem(path, &text, &size, &bio, err);

	if (r < 0)
		return r;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	OPENSSL_cleanse(text, size);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		return error_set(err, -EINVAL,
				 "%s is no Ed25519 private key in PEM without a passphrase; make "
				 "one with: proa-image keygen",
				 path);
	}
	*out = (struct private_key *)key;
	return 0;
}

/* Creates `path` with the BIO's bytes; never replaces a key that is there. */
static int save_pem(BIO *bio, const char *path, mode_t mode, struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	int r;

	if (fd < 0)
		return error_errno(err, "cannot create the key file %s", path);
	r = io_write_full(fd, data, (size_t)size);
	if (r < 0)
		errno = -r;
	if (r == 0 && fsync(fd) == 0)
		return 0;
	r = error_errno(err, "cannot write the key file %s", path);
	unlink(path); /* a piece of a key is none, and would stand in the way of the next */
	return r;
}

int private_key_save(const struct private_key *key, const char *path, struct error *err)
{
	/* A secure BIO wipes its memory when it is freed. */
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, pkey_of(key), NULL, NULL, 0, NULL,
						  NULL) != 1)
		return error_set(err, -EIO, "OpenSSL could not write the key %s", path);
	return save_pem(bio, path, 0600, err);
}

int private_key_public(const struct private_key *key, struct public_key *out, struct error *err)
{
	uint8_t raw[SIGN_KEY_SIZE];
	size_t size = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(pkey_of(key), raw, &size) != 1 || size != sizeof(raw) ||
	    public_key_from_raw(raw, out) < 0)
		return error_set(err, -EIO, "OpenSSL could not give the public half of a key");
	return 0;
}

int private_key_sign(const struct private_key *key, const void *data, size_t size,
		     uint8_t out[SIGN_SIGNATURE_SIZE], struct error *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = SIGN_SIGNATURE_SIZE;
	int done = context &&
		   EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, pkey_of(key), NULL) ==
			   1 &&
		   EVP_DigestSign(context, out, &length, data, size) == 1 &&
		   length == SIGN_SIGNATURE_SIZE;

	EVP_MD_CTX_free(context);
	return done ? 0 : error_set(err, -EIO, "OpenSSL could not sign");
}

int public_key_load(const char *path, struct public_key *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_bio_ BIO *bio = NULL;
	_cleanup_pkey_ EVP_PKEY *key = NULL;
	uint8_t raw[SIGN_KEY_SIZE];
	size_t size = 0, raw_size = sizeof(raw);
	int r = open_pem(path, &text, &size, &bio, err);

	if (r < 0)
		return r;
	key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, raw, &raw_size) != 1 || raw_size != sizeof(raw))
		return error_set(err, -EINVAL, "%s is no Ed25519 public key in PEM%s", path,
				 strstr(text, "PRIVATE KEY")
					 ? ", but a private one; give its other half (.pub)"
					 : "");
	if (public_key_from_raw(raw, out) < 0)
		return error_set(err, -EIO, "OpenSSL could not hash the key %s", path);
	return 0;
}

int public_key_save(const struct public_key *key, const char *path, struct error *err)
{
	_cleanup_pkey_ EVP_PKEY *pkey =
		EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key->raw, SIGN_KEY_SIZE);
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());

	if (!pkey || !bio || PEM_write_bio_PUBKEY(bio, pkey) != 1)
		return error_set(err, -EIO, "OpenSSL could not write the key %s", path);
	return save_pem(bio, path, 0644, err);
}
