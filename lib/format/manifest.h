/*
 * The release manifest: docs/internals.md "The manifest". Check its signature
 * first (lib/format/signature.h), then parse. No heap.
 */
#ifndef PROA_LIB_FORMAT_MANIFEST_H
#define PROA_LIB_FORMAT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/hash.h"

enum {
	MANIFEST_SIZE_MAX = 16 << 10, /* bytes */
	MANIFEST_TEXT_SIZE = 64,      /* a value of text, its NUL included */
	MANIFEST_BLOCK_SIZE = 4096,
};
#define MANIFEST_IMAGE_SIZE_MAX (UINT64_C(1) << 36) /* 64 GiB */

#define MANIFEST_PRODUCT      "proa"
#define MANIFEST_ARCHITECTURE "x86_64" /* what this build installs and boots */

struct byte_range {
	uint64_t offset, size;
};

struct manifest {
	char product[MANIFEST_TEXT_SIZE];
	char version[MANIFEST_TEXT_SIZE];
	char architecture[MANIFEST_TEXT_SIZE];
	uint64_t build_time; /* seconds since 1970 */
	uint64_t epoch;      /* anti-downgrade */
	char min_version[MANIFEST_TEXT_SIZE];
	uint64_t data_version;
	char kernel[MANIFEST_TEXT_SIZE];
	char docker[MANIFEST_TEXT_SIZE];
	uint64_t fs_size;    /* bytes, a multiple of 4096 */
	uint64_t image_size; /* fs_size and the hash tree's */
	uint8_t salt[HASH_SIZE];
	uint8_t root_hash[HASH_SIZE];
	uint64_t index_size;
	uint8_t index_sha256[HASH_SIZE];
	uint64_t data_size;
	uint8_t data_sha256[HASH_SIZE];
	struct byte_range boot_img, boot_core, boot_esp_512, boot_esp_4096; /* within the image */
};

/*
 * Reads a manifest's bytes.
 *
 * Returns 0, -EFBIG (too long), -EBADMSG (malformed, a key missing or twice, a
 * value that cannot be), or -EOPNOTSUPP (a key that starts with `!`, which this
 * version does not know: the message says to upgrade Proa first).
 */
int manifest_parse(const void *text, size_t size, struct manifest *out, struct error *err);

/* Is it for this product and this machine's architecture? Returns 0 or -ENOEXEC. */
int manifest_check_target(const struct manifest *manifest, struct error *err);

/* Writes the text. Returns 0, or -EINVAL where manifest_parse would refuse it. */
int manifest_render(const struct manifest *manifest, char out[MANIFEST_SIZE_MAX], size_t *size,
		    struct error *err);

#endif
