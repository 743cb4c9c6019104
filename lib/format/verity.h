/*
 * dm-verity's hash tree (kernel: Documentation/admin-guide/device-mapper/
 * verity.rst): version 1, SHA-256, 4096-byte blocks, salt before the data, no
 * superblock; the same bytes as `veritysetup format --no-superblock` writes.
 * Memory is one block a level, whatever the size.
 */
#ifndef PROA_LIB_FORMAT_VERITY_H
#define PROA_LIB_FORMAT_VERITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/hash.h"

enum {
	VERITY_BLOCK = 4096,
	VERITY_SALT_SIZE = 32,
	VERITY_LEVELS_MAX = 6, /* 128^6 blocks: 2^42 * 4 KiB */
};

/* What the dm-verity table asks for; the tree follows the data. */
struct verity_params {
	uint64_t data_blocks;
	uint64_t hash_start_block; /* = data_blocks */
	uint8_t salt[VERITY_SALT_SIZE];
	uint8_t root_hash[HASH_SIZE];
};

/* Bytes of the tree over `data_size` bytes (a multiple of 4096). */
uint64_t verity_tree_size(uint64_t data_size);

/*
 * Called with every finished tree block, in the order in which blocks fill up,
 * not that of their places; `block` counts from the tree's first block.
 */
typedef int (*verity_block_fn)(void *context, uint64_t block, const uint8_t data[VERITY_BLOCK],
			       struct error *err);

struct verity_builder {
	struct hash *hash;
	uint8_t salt[VERITY_SALT_SIZE];
	uint64_t data_blocks, fed;
	unsigned int levels;
	struct {
		uint64_t next;   /* place of the block being filled, from the tree's start */
		size_t used;     /* bytes of it */
		uint8_t data[VERITY_BLOCK];
	} level[VERITY_LEVELS_MAX]; /* 0: the one over the data */
	uint8_t root_hash[HASH_SIZE];
	verity_block_fn write;
	void *context;
};

/* `write` may be NULL: then only the root hash is wanted. Returns 0, -EINVAL or -ENOMEM. */
int verity_start(struct verity_builder *builder, uint64_t data_size,
		 const uint8_t salt[VERITY_SALT_SIZE], verity_block_fn write, void *context,
		 struct error *err);
/* The next `size` bytes of data, a multiple of 4096. */
int verity_feed(struct verity_builder *builder, const void *data, size_t size, struct error *err);
/* Flushes the tree and gives the root hash; all data must have been fed. */
int verity_finish(struct verity_builder *builder, uint8_t root_hash[HASH_SIZE], struct error *err);
/* Frees what the builder holds; may follow any of the above, and twice. */
void verity_end(struct verity_builder *builder);

/* Called now and then with the bytes done; a negative return value ends the work with it. */
typedef int (*verity_progress_fn)(void *context, uint64_t done, uint64_t total);

/*
 * Builds the tree over the first `data_size` bytes of `fd`, behind them, both
 * from `offset` on, and gives the root hash.
 */
int verity_format(int fd, uint64_t offset, uint64_t data_size,
		  const uint8_t salt[VERITY_SALT_SIZE], uint8_t root_hash[HASH_SIZE],
		  struct error *err);

enum verity_cache {
	VERITY_CACHED,     /* read as any program reads */
	VERITY_PAST_CACHE, /* read what the medium holds: O_DIRECT, else with the pages dropped */
};

/*
 * Reads data and tree at `offset` and checks both against the parameters.
 *
 * Returns 0; -EBADMSG where the data does not have that root hash or the tree
 * is not the data's; or the errno of a failed read.
 */
int verity_check(int fd, uint64_t offset, const struct verity_params *params,
		 enum verity_cache cache, verity_progress_fn progress, void *context,
		 struct error *err);

#endif
