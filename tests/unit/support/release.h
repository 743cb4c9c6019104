/* A small but whole release for tests: image, index, packed data, signed manifest. */
#ifndef PROA_TESTS_SUPPORT_RELEASE_H
#define PROA_TESTS_SUPPORT_RELEASE_H

#include "lib/format/index.h"
#include "lib/format/manifest.h"
#include "lib/format/signature.h"

enum { RELEASE_FS_SIZE = 1 << 20, RELEASE_FRAME_SIZE = 128 << 10 };

struct release {
	struct manifest manifest;
	char text[MANIFEST_SIZE_MAX];
	size_t size;
	struct signatures signatures;
	uint8_t *image; /* manifest.image_size bytes */
	uint8_t *index;
	size_t index_size;
	uint8_t *data; /* manifest.data_size bytes */
};

/* Made from numbers that are always the same, signed by testdata/keys/release.key. */
void release_make(struct release *out);
/* Renders and signs anew, after a test has changed the manifest's values. */
void release_sign(struct release *release, const char *key_file);
void release_free(struct release *release);

/* The release keys of testdata/keys/1.root. */
void release_ring(struct keyring *out);

/* A descriptor whose name is gone, with these bytes in it, at its start. */
int release_file(const void *data, size_t size);

#endif
