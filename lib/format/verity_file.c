/* The hash tree of a file system that lies in a file or on a partition. */
#include "lib/format/verity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ahead.h"
#include "lib/cleanup.h"
#include "lib/format/pastcache.h"
#include "lib/io.h"

/* Big enough that a disk streams; O_DIRECT reads nothing ahead. */
enum { READ_SIZE = 1 << 20 };

static void *read_buffer(void)
{
	void *buffer = NULL;

	return posix_memalign(&buffer, PASTCACHE_ALIGNMENT, READ_SIZE) == 0 ? buffer : NULL;
}

/* `size` bytes of a file, in pieces of READ_SIZE, but the last. */
struct reader {
	int fd;
	uint64_t offset, size;
	uint64_t done; /* the thread's */
	uint8_t *buffer[AHEAD_PLACES];
};

static size_t piece_size(const struct reader *reader, uint64_t done)
{
	return reader->size - done < READ_SIZE ? (size_t)(reader->size - done) : READ_SIZE;
}

static int read_piece(void *context, unsigned int place, struct error *err)
{
	struct reader *reader = context;
	size_t size = piece_size(reader, reader->done);
	int r;

	if (size == 0)
		return 0;
	r = io_pread_full(reader->fd, reader->buffer[place], size, reader->offset + reader->done);
	if (r < 0)
		return error_set(err, r, "cannot read the image at byte %llu: %s",
				 (unsigned long long)reader->done,
				 r == -ENODATA ? "it ends there" : strerror(-r));
	reader->done += size;
	return 1;
}

/* Feeds what a thread reads into the builder. */
static int feed_pieces(struct verity_builder *builder, struct reader *reader,
		       verity_progress_fn progress, void *context, struct error *err)
{
	_cleanup_ahead_ struct ahead *ahead = NULL;
	uint64_t fed = 0;
	unsigned int place;
	int r = ahead_start(&ahead, read_piece, reader, err);

	if (r < 0)
		return r;
	while ((r = ahead_next(ahead, &place, err)) > 0) {
		size_t size = piece_size(reader, fed);

		r = verity_feed(builder, reader->buffer[place], size, err);
		if (r < 0)
			return r;
		fed += size;
		r = progress ? progress(context, fed, reader->size) : 0;
		if (r < 0)
			return error_set(err, r, "stopped");
	}
	return r;
}

/* Feeds `size` bytes at `offset` into the builder. */
static int feed_file(struct verity_builder *builder, int fd, uint64_t offset, uint64_t size,
		     verity_progress_fn progress, void *context, struct error *err)
{
	_cleanup_free_ uint8_t *first = read_buffer(), *second = read_buffer();
	struct reader reader = {
		.fd = fd,
		.offset = offset,
		.size = size,
		.buffer = {first, second},
	};

	if (!first || !second)
		return error_oom(err);
	return feed_pieces(builder, &reader, progress, context, err);
}

struct tree_writer {
	int fd;
	uint64_t offset;
};

static int write_block(void *context, uint64_t block, const uint8_t *data, struct error *err)
{
	const struct tree_writer *to = context;
	int r = io_pwrite_full(to->fd, data, VERITY_BLOCK, to->offset + block * VERITY_BLOCK);

	return r < 0 ? error_set(err, r, "cannot write the hash tree: %s", strerror(-r)) : 0;
}

int verity_format(int fd, uint64_t offset, uint64_t data_size,
		  const uint8_t salt[VERITY_SALT_SIZE], uint8_t root_hash[HASH_SIZE],
		  struct error *err)
{
	struct verity_builder builder;
	struct tree_writer to = {.fd = fd, .offset = offset + data_size};
	int r = verity_start(&builder, data_size, salt, write_block, &to, err);

	if (r == 0)
		r = feed_file(&builder, fd, offset, data_size, NULL, NULL, err);
	if (r == 0)
		r = verity_finish(&builder, root_hash, err);
	verity_end(&builder);
	return r;
}

/*
 * Compares the stored tree while it is recomputed. The leaf level's blocks
 * come one after the other, so a window of it is read at a time; the few
 * blocks above are read singly.
 */
struct tree_checker {
	int fd;
	uint64_t offset; /* of the tree */
	uint64_t blocks;
	uint8_t *window;
	uint64_t window_at, window_blocks;
};
enum { WINDOW_BLOCKS = 64 };

static int check_block(void *context, uint64_t block, const uint8_t *data, struct error *err)
{
	struct tree_checker *from = context;

	if (block < from->window_at || block >= from->window_at + from->window_blocks) {
		uint64_t count = from->blocks - block;
		int r;

		if (count > WINDOW_BLOCKS)
			count = WINDOW_BLOCKS;
		from->window_blocks = 0;
		r = io_pread_full(from->fd, from->window, count * VERITY_BLOCK,
				  from->offset + block * VERITY_BLOCK);
		if (r < 0)
			return error_set(err, r, "cannot read the hash tree: %s",
					 r == -ENODATA ? "the image ends before it"
						       : strerror(-r));
		from->window_at = block;
		from->window_blocks = count;
	}
	if (memcmp(from->window + (block - from->window_at) * VERITY_BLOCK, data, VERITY_BLOCK) != 0)
		return error_set(err, -EBADMSG,
				 "the image is damaged: block %llu of its hash tree is not that of "
				 "its data",
				 (unsigned long long)block);
	return 0;
}

int verity_check(int fd, uint64_t offset, const struct verity_params *params,
		 enum verity_cache cache, verity_progress_fn progress, void *context,
		 struct error *err)
{
	_cleanup_free_ uint8_t *window = read_buffer();
	_cleanup_fd_ int direct = -1;
	uint64_t data_size = params->data_blocks * VERITY_BLOCK;
	struct tree_checker from = {
		.offset = offset + data_size,
		.blocks = verity_tree_size(data_size) / VERITY_BLOCK,
		.window = window,
	};
	struct verity_builder builder;
	uint8_t root_hash[HASH_SIZE];
	int r;

	if (!window)
		return error_oom(err);
	if (cache == VERITY_PAST_CACHE) {
		direct = pastcache_open(fd, err);
		if (direct < 0)
			return direct;
		fd = direct;
	}
	from.fd = fd;
	r = verity_start(&builder, data_size, params->salt, check_block, &from, err);
	if (r == 0)
		r = feed_file(&builder, fd, offset, data_size, progress, context, err);
	if (r == 0)
		r = verity_finish(&builder, root_hash, err);
	verity_end(&builder);
	if (r == 0 && memcmp(root_hash, params->root_hash, HASH_SIZE) != 0)
		return error_set(err, -EBADMSG,
				 "the image is damaged: its root hash is not the signed one");
	return r;
}
