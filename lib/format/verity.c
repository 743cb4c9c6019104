#include "lib/format/verity.h"

#include <errno.h>
#include <string.h>

enum { DIGESTS_PER_BLOCK = VERITY_BLOCK / HASH_SIZE };

/* Blocks of each level, from the one over the data up; returns the number of levels. */
static unsigned int level_sizes(uint64_t data_blocks, uint64_t sizes[VERITY_LEVELS_MAX])
{
	unsigned int levels = 0;

	/* One data block needs no tree: its hash is the root hash (as in the kernel). */
	for (uint64_t below = data_blocks; below > 1 && levels < VERITY_LEVELS_MAX; levels++) {
		below = below / DIGESTS_PER_BLOCK + (below % DIGESTS_PER_BLOCK != 0);
		sizes[levels] = below;
	}
	return levels;
}

uint64_t verity_tree_size(uint64_t data_size)
{
	uint64_t sizes[VERITY_LEVELS_MAX], blocks = 0;
	unsigned int levels = level_sizes(data_size / VERITY_BLOCK, sizes);

	for (unsigned int i = 0; i < levels; i++)
		blocks += sizes[i];
	return blocks * VERITY_BLOCK;
}

int verity_start(struct verity_builder *builder, uint64_t data_size,
		 const uint8_t salt[VERITY_SALT_SIZE], verity_block_fn write, void *context,
		 struct error *err)
{
	uint64_t sizes[VERITY_LEVELS_MAX], place = 0;

	*builder = (struct verity_builder){.data_blocks = data_size / VERITY_BLOCK};
	/* 2^42 blocks are as many as the levels reach. */
	if (data_size == 0 || data_size % VERITY_BLOCK != 0 || builder->data_blocks >> 42 != 0)
		return error_set(err, -EINVAL,
				 "a hash tree needs whole blocks of %d bytes, not %llu bytes",
				 VERITY_BLOCK, (unsigned long long)data_size);
	builder->hash = hash_new();
	if (!builder->hash)
		return error_oom(err);
	builder->write = write;
	builder->context = context;
	memcpy(builder->salt, salt, VERITY_SALT_SIZE);
	builder->levels = level_sizes(builder->data_blocks, sizes);
	/* The top level stands first, the one over the data last. */
	for (unsigned int i = builder->levels; i-- > 0;) {
		builder->level[i].next = place;
		place += sizes[i];
	}
	return 0;
}

static int hash_block(struct verity_builder *builder, const uint8_t *block, uint8_t *out)
{
	int r = hash_reset(builder->hash);

	if (r == 0)
		r = hash_update(builder->hash, builder->salt, VERITY_SALT_SIZE);
	if (r == 0)
		r = hash_update(builder->hash, block, VERITY_BLOCK);
	return r == 0 ? hash_final(builder->hash, out) : r;
}

/* Writes a level's block, its rest zero; `digest` is the block's own hash. */
static int flush_block(struct verity_builder *builder, unsigned int i, uint8_t *digest,
		       struct error *err)
{
	uint8_t *data = builder->level[i].data;
	int r;

	memset(data + builder->level[i].used, 0, VERITY_BLOCK - builder->level[i].used);
	r = hash_block(builder, data, digest);
	if (r < 0)
		return error_set(err, r, "OpenSSL could not hash a block");
	if (builder->write)
		r = builder->write(builder->context, builder->level[i].next, data, err);
	builder->level[i].next++;
	builder->level[i].used = 0;
	return r;
}

/* Appends a digest to level `i`; what fills up goes one level higher. */
static int add_digest(struct verity_builder *builder, unsigned int i,
		      const uint8_t digest[HASH_SIZE], struct error *err)
{
	uint8_t carried[HASH_SIZE];

	memcpy(carried, digest, HASH_SIZE);
	for (;; i++) {
		int r;

		if (i == builder->levels) {
			memcpy(builder->root_hash, carried, HASH_SIZE);
			return 0;
		}
		memcpy(builder->level[i].data + builder->level[i].used, carried, HASH_SIZE);
		builder->level[i].used += HASH_SIZE;
		if (builder->level[i].used < VERITY_BLOCK)
			return 0;
		r = flush_block(builder, i, carried, err);
		if (r < 0)
			return r;
	}
}

int verity_feed(struct verity_builder *builder, const void *data, size_t size, struct error *err)
{
	const uint8_t *block = data;

	if (size % VERITY_BLOCK != 0 ||
	    size / VERITY_BLOCK > builder->data_blocks - builder->fed)
		return error_set(err, -EINVAL, "a hash tree was fed more than it was made for");
	for (; size > 0; size -= VERITY_BLOCK, block += VERITY_BLOCK) {
		uint8_t digest[HASH_SIZE];
		int r = hash_block(builder, block, digest);

		if (r < 0)
			return error_set(err, r, "OpenSSL could not hash a block");
		r = add_digest(builder, 0, digest, err);
		if (r < 0)
			return r;
		builder->fed++;
	}
	return 0;
}

int verity_finish(struct verity_builder *builder, uint8_t root_hash[HASH_SIZE], struct error *err)
{
	if (builder->fed != builder->data_blocks)
		return error_set(err, -EINVAL, "a hash tree was not fed all of its data");
	/* Half-full blocks remain, one a level at the most; each adds to the level above. */
	for (unsigned int i = 0; i < builder->levels; i++) {
		uint8_t digest[HASH_SIZE];
		int r;

		if (builder->level[i].used == 0)
			continue;
		r = flush_block(builder, i, digest, err);
		if (r == 0)
			r = add_digest(builder, i + 1, digest, err);
		if (r < 0)
			return r;
	}
	memcpy(root_hash, builder->root_hash, HASH_SIZE);
	return 0;
}

void verity_end(struct verity_builder *builder)
{
	hash_free(builder->hash);
	builder->hash = NULL;
}
