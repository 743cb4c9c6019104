/*
 * Files in a folder that a web server serves meanwhile: each is replaced as a whole, and is on
 * the disk before its name points at it. What is there already is left alone.
 */
#ifndef PROA_IMAGES_PUT_H
#define PROA_IMAGES_PUT_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/hash.h"

/* Returns 1 where the file was written, 0 where it had these bytes, or a negative errno. */
int put_bytes(const char *folder, const char *name, const void *data, size_t size,
	      struct error *err);

/*
 * A copy of the file `from`, which must be the bytes that were checked: `sha256`.
 * Returns 0, -EAGAIN where it has become another, or another negative errno.
 */
int put_copy(const char *folder, const char *name, const char *from,
	     const uint8_t sha256[HASH_SIZE], struct error *err);

/* The SHA-256 of what is left of a file, read from its position. */
int put_hash(int fd, const char *name, uint8_t out[HASH_SIZE], struct error *err);

#endif
