#include "lib/format/index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"

static const uint8_t MAGIC[8] = {'P', 'R', 'O', 'A', 'I', 'N', 'D', 'X'};
enum { FORMAT = 1 };

static const uint8_t *frame_bytes(const struct index *index, uint32_t number)
{
	return index->bytes + INDEX_HEADER_SIZE + (size_t)number * INDEX_FRAME_SIZE;
}

static const uint8_t *chunk_bytes(const struct index *index, uint32_t number)
{
	return index->bytes + INDEX_HEADER_SIZE + (size_t)index->frames * INDEX_FRAME_SIZE +
	       (size_t)number * INDEX_CHUNK_SIZE;
}

struct index_frame index_frame_at(const struct index *index, uint32_t number)
{
	const uint8_t *p = frame_bytes(index, number);

	return (struct index_frame){
		.offset = bytes_get_le64(p),
		.packed_size = bytes_get_le32(p + 8),
		.raw_size = bytes_get_le32(p + 12),
	};
}

struct index_chunk index_chunk_at(const struct index *index, uint32_t number)
{
	const uint8_t *p = chunk_bytes(index, number);
	struct index_chunk chunk = {
		.size = bytes_get_le32(p + 32),
		.frame = bytes_get_le32(p + 36),
		.frame_offset = bytes_get_le32(p + 40),
	};

	memcpy(chunk.sha256, p, HASH_SIZE);
	return chunk;
}

static int parse_header(struct index *index, struct error *err)
{
	struct cursor c = cursor_over(index->bytes, index->size);
	const uint8_t *magic = cursor_take(&c, sizeof(MAGIC));
	uint32_t format = cursor_le32(&c), reserved;
	size_t expected;

	index->frames = cursor_le32(&c);
	index->chunks = cursor_le32(&c);
	reserved = cursor_le32(&c);
	index->image_size = cursor_le64(&c);
	if (c.failed || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return error_set(err, -EBADMSG, "the chunk index is none: wrong first bytes");
	if (format != FORMAT || reserved != 0)
		return error_set(err, -EBADMSG,
				 "the chunk index has format %u; this version knows format %d",
				 format, FORMAT);
	if (index->frames > INDEX_FRAMES_MAX || index->chunks > INDEX_CHUNKS_MAX)
		return error_set(err, -EFBIG,
				 "the chunk index has %u frames and %u chunks; the limits are %d "
				 "and %d",
				 index->frames, index->chunks, INDEX_FRAMES_MAX, INDEX_CHUNKS_MAX);
	/* Both counts are below their limits: this cannot overflow. */
	expected = INDEX_HEADER_SIZE + (size_t)index->frames * INDEX_FRAME_SIZE +
		   (size_t)index->chunks * INDEX_CHUNK_SIZE;
	if (index->size != expected)
		return error_set(err, -EBADMSG,
				 "the chunk index is %zu bytes long, its counts make it %zu",
				 index->size, expected);
	return 0;
}

static int check_frames(struct index *index, struct error *err)
{
	uint64_t raw = 0;

	index->data_size = 0;
	for (uint32_t i = 0; i < index->frames; i++) {
		struct index_frame frame = index_frame_at(index, i);

		if (frame.offset != index->data_size || frame.packed_size == 0 ||
		    frame.packed_size > INDEX_FRAME_PACKED_MAX || frame.raw_size == 0 ||
		    frame.raw_size > INDEX_FRAME_RAW_MAX)
			return error_set(err, -EBADMSG,
					 "frame %u of the chunk index has sizes that cannot be", i);
		index->data_size += frame.packed_size;
		raw += frame.raw_size;
	}
	if (raw != index->image_size)
		return error_set(err, -EBADMSG,
				 "the frames of the chunk index do not make up the image");
	return 0;
}

/* The chunks must follow from one another: place, frame and offset leave no choice. */
static int check_chunks(const struct index *index, struct error *err)
{
	uint32_t frame = 0, at = 0;

	for (uint32_t i = 0; i < index->chunks; i++) {
		struct index_chunk chunk = index_chunk_at(index, i);
		uint32_t raw_size = frame < index->frames ? index_frame_at(index, frame).raw_size : 0;

		if (chunk.frame != frame || chunk.frame_offset != at || chunk.size == 0 ||
		    chunk.size > INDEX_CHUNK_BYTES_MAX || chunk.size > raw_size - at)
			return error_set(err, -EBADMSG,
					 "chunk %u of the chunk index leaves a gap, overlaps, or is "
					 "too large",
					 i);
		at += chunk.size;
		if (at == raw_size) {
			frame++;
			at = 0;
		}
	}
	if (frame != index->frames || at != 0)
		return error_set(err, -EBADMSG, "the chunks of the index do not cover its frames");
	return 0;
}

int index_parse(uint8_t *bytes, size_t size, struct index *out, struct error *err)
{
	struct index index = {.bytes = bytes, .size = size};
	int r = parse_header(&index, err);

	if (r == 0)
		r = check_frames(&index, err);
	if (r == 0)
		r = check_chunks(&index, err);
	if (r == 0)
		*out = index;
	return r;
}

void index_free(struct index *index)
{
	free(index->bytes);
	*index = (struct index){.bytes = NULL};
}

int index_render(const struct index_frame *frames, uint32_t frame_count,
		 const struct index_chunk *chunks, uint32_t chunk_count, uint64_t image_size,
		 uint8_t **out, size_t *out_size, struct error *err)
{
	size_t size = INDEX_HEADER_SIZE + (size_t)frame_count * INDEX_FRAME_SIZE +
		      (size_t)chunk_count * INDEX_CHUNK_SIZE;
	_cleanup_free_ uint8_t *bytes = NULL;
	struct index again;
	uint8_t *at;
	int r;

	if (frame_count > INDEX_FRAMES_MAX || chunk_count > INDEX_CHUNKS_MAX)
		return error_set(err, -EFBIG, "the image is too large for a chunk index");
	bytes = calloc(1, size);
	if (!bytes)
		return error_oom(err);
	memcpy(bytes, MAGIC, sizeof(MAGIC));
	bytes_put_le32(bytes + 8, FORMAT);
	bytes_put_le32(bytes + 12, frame_count);
	bytes_put_le32(bytes + 16, chunk_count);
	bytes_put_le64(bytes + 24, image_size);
	at = bytes + INDEX_HEADER_SIZE;
	for (uint32_t i = 0; i < frame_count; i++, at += INDEX_FRAME_SIZE) {
		bytes_put_le64(at, frames[i].offset);
		bytes_put_le32(at + 8, frames[i].packed_size);
		bytes_put_le32(at + 12, frames[i].raw_size);
	}
	for (uint32_t i = 0; i < chunk_count; i++, at += INDEX_CHUNK_SIZE) {
		memcpy(at, chunks[i].sha256, HASH_SIZE);
		bytes_put_le32(at + 32, chunks[i].size);
		bytes_put_le32(at + 36, chunks[i].frame);
		bytes_put_le32(at + 40, chunks[i].frame_offset);
	}
	/* What the reader would refuse is not written. */
	r = index_parse(bytes, size, &again, err);
	if (r < 0)
		return r;
	*out = ptr_take(bytes);
	*out_size = size;
	return 0;
}
