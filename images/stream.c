#include "images/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int keep_block(void *context, uint64_t block, const uint8_t data[VERITY_BLOCK],
		      struct error *err)
{
	uint8_t *tree = context;

	(void)err;
	memcpy(tree + block * VERITY_BLOCK, data, VERITY_BLOCK);
	return 0;
}

int stream_start(struct stream *stream, const struct manifest *manifest, struct error *err)
{
	uint64_t tree = manifest->image_size - manifest->fs_size;

	*stream = (struct stream){.manifest = manifest};
	stream->computed = malloc(tree + 1); /* an image of one block has no tree */
	stream->carried = malloc(tree + 1);
	if (!stream->computed || !stream->carried)
		return error_oom(err);
	return verity_start(&stream->builder, manifest->fs_size, manifest->salt, keep_block,
			    stream->computed, err);
}

/* File system bytes: whole blocks go on at once, the rest waits for its block's end. */
static int feed_data(struct stream *stream, const uint8_t *data, size_t size, struct error *err)
{
	size_t held = (size_t)(stream->received % VERITY_BLOCK);
	size_t whole;
	int r;

	if (held > 0) {
		size_t missing = VERITY_BLOCK - held;
		size_t now = size < missing ? size : missing;

		memcpy(stream->block + held, data, now);
		stream->received += now;
		data += now;
		size -= now;
		if (held + now < VERITY_BLOCK)
			return 0;
		r = verity_feed(&stream->builder, stream->block, VERITY_BLOCK, err);
		if (r < 0)
			return r;
	}
	whole = size / VERITY_BLOCK * VERITY_BLOCK;
	r = verity_feed(&stream->builder, data, whole, err);
	memcpy(stream->block, data + whole, size - whole);
	stream->received += size;
	return r;
}

int stream_feed(struct stream *stream, const uint8_t *data, size_t size, struct error *err)
{
	const struct manifest *m = stream->manifest;

	if (size > m->image_size - stream->received)
		return error_set(err, -EBADMSG, "the image is longer than its manifest says");
	if (stream->received < m->fs_size) {
		uint64_t left = m->fs_size - stream->received;
		size_t now = size < left ? size : (size_t)left;
		int r = feed_data(stream, data, now, err);

		if (r < 0)
			return r;
		data += now;
		size -= now;
	}
	if (size > 0)
		memcpy(stream->carried + (stream->received - m->fs_size), data, size);
	stream->received += size;
	return 0;
}

int stream_finish(struct stream *stream, struct error *err)
{
	const struct manifest *m = stream->manifest;
	uint8_t root_hash[HASH_SIZE];
	int r;

	if (stream->received != m->image_size)
		return error_set(err, -EBADMSG, "the image is shorter than its manifest says");
	r = verity_finish(&stream->builder, root_hash, err);
	if (r < 0)
		return r;
	if (memcmp(root_hash, m->root_hash, HASH_SIZE) != 0)
		return error_set(err, -EBADMSG, "the image does not have the manifest's root hash");
	if (memcmp(stream->computed, stream->carried, m->image_size - m->fs_size) != 0)
		return error_set(err, -EBADMSG, "the hash tree is not that of the file system");
	return 0;
}

void stream_end(struct stream *stream)
{
	verity_end(&stream->builder);
	free(stream->computed);
	free(stream->carried);
	stream->computed = stream->carried = NULL;
}
