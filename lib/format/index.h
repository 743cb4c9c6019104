/*
 * The chunk index of a bundle: docs/internals.md "The bundle". Kept as the
 * bytes that it is; entries are decoded when asked for.
 */
#ifndef PROA_LIB_FORMAT_INDEX_H
#define PROA_LIB_FORMAT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/hash.h"

enum {
	INDEX_HEADER_SIZE = 32,
	INDEX_FRAME_SIZE = 16,
	INDEX_CHUNK_SIZE = 44,
	INDEX_FRAMES_MAX = 1 << 16,
	INDEX_CHUNKS_MAX = 1 << 18,
	INDEX_CHUNK_BYTES_MAX = 128 << 10, /* bytes of image in one chunk */
	INDEX_FRAME_RAW_MAX = 4 << 20,     /* bytes of image in one frame: a reader's memory */
	/* zstd's own bound for what cannot be compressed: ZSTD_COMPRESSBOUND of the above */
	INDEX_FRAME_PACKED_MAX = (4 << 20) + (4 << 12),
	INDEX_SIZE_MAX = INDEX_HEADER_SIZE + INDEX_FRAMES_MAX * INDEX_FRAME_SIZE +
			 INDEX_CHUNKS_MAX * INDEX_CHUNK_SIZE,
};

struct index_frame {
	uint64_t offset; /* in `data` */
	uint32_t packed_size, raw_size;
};

struct index_chunk {
	uint8_t sha256[HASH_SIZE];
	uint32_t size;
	uint32_t frame;
	uint32_t frame_offset; /* in the frame's raw bytes */
};

struct index {
	uint8_t *bytes; /* owned */
	size_t size;
	uint32_t frames, chunks;
	uint64_t image_size;
	uint64_t data_size; /* what the frames add up to */
};

/*
 * Takes over `bytes` (an allocation) on success and checks every entry: frames
 * back to back from 0, chunks in image order, without gap or overlap, all of a
 * frame's raw bytes covered, nothing above its limit. Entries can then be
 * trusted to be in bounds. Returns 0, -EFBIG or -EBADMSG.
 */
int index_parse(uint8_t *bytes, size_t size, struct index *out, struct error *err);
void index_free(struct index *index);

/* An entry; `number` must be below the count. */
struct index_frame index_frame_at(const struct index *index, uint32_t number);
struct index_chunk index_chunk_at(const struct index *index, uint32_t number);

/* Writes an index; the caller frees `*out`. Returns 0, -EFBIG (over a limit) or -ENOMEM. */
int index_render(const struct index_frame *frames, uint32_t frame_count,
		 const struct index_chunk *chunks, uint32_t chunk_count, uint64_t image_size,
		 uint8_t **out, size_t *out_size, struct error *err);

#endif
