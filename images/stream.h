/*
 * Checks an image that passes by once, front to back, in pieces of any size:
 * the hash tree is computed from the file system and compared with the one
 * that follows it. Memory: the tree twice.
 */
#ifndef PROA_IMAGES_STREAM_H
#define PROA_IMAGES_STREAM_H

#include "lib/format/manifest.h"
#include "lib/format/verity.h"

struct stream {
	const struct manifest *manifest; /* borrowed */
	struct verity_builder builder;
	uint8_t *computed, *carried; /* the tree from the data, and the one in the image */
	uint64_t received;
	uint8_t block[VERITY_BLOCK]; /* what is left of a piece */
};

int stream_start(struct stream *stream, const struct manifest *manifest, struct error *err);
int stream_feed(struct stream *stream, const uint8_t *data, size_t size, struct error *err);
/* Returns 0, or -EBADMSG where the root hash or a byte of the tree is wrong. */
int stream_finish(struct stream *stream, struct error *err);
void stream_end(struct stream *stream);

#endif
