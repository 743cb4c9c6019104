/*
 * From an image to a bundle's data: cut into chunks, chunks gathered into
 * frames, every frame compressed alone. The bytes do not depend on the number
 * of threads.
 */
#ifndef PROA_IMAGES_PACK_H
#define PROA_IMAGES_PACK_H

#include "lib/format/index.h"

enum {
	/*
	 * Measured on a tree of Debian's base, kernel and both Dockers: see
	 * docs/formats.md "Choices" for the figures.
	 */
	PACK_FRAME_SIZE = 1 << 20,
	PACK_LEVEL = 19,
	PACK_THREADS_MAX = 64,
};

struct pack_options {
	int level;
	unsigned int threads;
	uint32_t frame_size; /* raw bytes a frame aims at; at most INDEX_FRAME_RAW_MAX */
};

struct pack {
	struct index_frame *frames;
	struct index_chunk *chunks;
	uint32_t frame_count, chunk_count;
	uint64_t data_size;
	uint8_t data_sha256[HASH_SIZE];
};

/* Writes the frames of the first `image_size` bytes of `image_fd` to `data_fd`. */
int pack_image(int image_fd, uint64_t image_size, const struct pack_options *options, int data_fd,
	       struct pack *out, struct error *err);
void pack_free(struct pack *pack);

#endif
