/*
 * ext2 revision 1, one block group, laid out by hand so that no tool's version
 * changes a byte (field offsets: Linux' fs/ext2/ext2.h).
 *
 *   block 0        boot block and superblock     block 8        flip
 *         1        group descriptor                    16       mirror
 *         2, 3     block and inode bitmap              24       args
 *         4        inode table                         32–287   log
 *         5, 6     / and /lost+found           the rest is free
 *         7        log's indirect block
 */
#include "bootloader/flipfs.h"

#include <stddef.h>
#include <string.h>

#include "bootloader/args.h"
#include "lib/bytes.h"

enum {
	BLOCKS = FLIPFS_SIZE / FLIPFS_BLOCK_SIZE,
	SECTORS_PER_BLOCK = FLIPFS_BLOCK_SIZE / 512,
	METADATA_BLOCKS = FLIPFS_METADATA_SIZE / FLIPFS_BLOCK_SIZE,

	BLOCK_SUPER = 0,
	BLOCK_GROUP = 1,
	BLOCK_BLOCK_BITMAP = 2,
	BLOCK_INODE_BITMAP = 3,
	BLOCK_INODES = 4,
	BLOCK_ROOT = 5,
	BLOCK_LOST_FOUND = 6,
	BLOCK_LOG_INDIRECT = 7,

	SUPER_OFFSET = 1024,
	INODE_SIZE = 128,
	INODES = FLIPFS_BLOCK_SIZE / INODE_SIZE,
	INODE_ROOT = 2,
	INODE_LOST_FOUND = 11, /* the first that is not reserved */
	INODE_FILES = 12,      /* the four files, in the order of `files` */
	INODES_USED = 15,

	DIRECT_BLOCKS = 12,
	TYPE_FILE = 1, /* in directory entries */
	TYPE_FOLDER = 2,
};

static const struct {
	const char *name;
	uint32_t offset, size;
} files[] = {
	{FLIPFS_NAME_BLOCK, FLIPFS_BLOCK_OFFSET, FLIP_BLOCK_SIZE},
	{FLIPFS_NAME_MIRROR, FLIPFS_MIRROR_OFFSET, FLIP_BLOCK_SIZE},
	{FLIPFS_NAME_ARGS, FLIPFS_ARGS_OFFSET, FLIPFS_ARGS_SIZE},
	{FLIPFS_NAME_LOG, FLIPFS_LOG_OFFSET, FLIPFS_LOG_SIZE},
};
enum { FILES = sizeof(files) / sizeof(files[0]), FILE_LOG = 3 };

static uint32_t file_first_block(int file)
{
	return files[file].offset / FLIPFS_BLOCK_SIZE;
}

static uint32_t file_blocks(int file)
{
	return (files[file].size + FLIPFS_BLOCK_SIZE - 1) / FLIPFS_BLOCK_SIZE;
}

static uint32_t free_blocks(void)
{
	uint32_t left = BLOCKS - METADATA_BLOCKS;

	for (int i = 0; i < FILES; i++)
		left -= file_blocks(i);
	return left;
}

static void render_super(uint8_t *block)
{
	static const uint8_t uuid[16] = {0x70, 0x72, 0x6f, 0x61, 0x2d, 0x66, 0x4c, 0x69,
					 0xb0, 0x2d, 0x66, 0x6c, 0x69, 0x70, 0x00, 0x01};
	uint8_t *super = block + SUPER_OFFSET;

	bytes_put_le32(super + 0, INODES);
	bytes_put_le32(super + 4, BLOCKS);
	bytes_put_le32(super + 12, free_blocks());
	bytes_put_le32(super + 16, INODES - INODES_USED);
	bytes_put_le32(super + 24, 2); /* block size: 1024 << 2 */
	bytes_put_le32(super + 28, 2);
	bytes_put_le32(super + 32, 8 * FLIPFS_BLOCK_SIZE); /* blocks in a group */
	bytes_put_le32(super + 36, 8 * FLIPFS_BLOCK_SIZE);
	bytes_put_le32(super + 40, INODES);
	bytes_put_le16(super + 54, 0xffff); /* no check after so many mounts */
	bytes_put_le16(super + 56, 0xef53);
	bytes_put_le16(super + 58, 1); /* clean */
	bytes_put_le16(super + 60, 1); /* errors: continue */
	bytes_put_le32(super + 76, 1); /* revision */
	bytes_put_le32(super + 84, INODE_LOST_FOUND);
	bytes_put_le16(super + 88, INODE_SIZE);
	bytes_put_le32(super + 96, 0x2); /* directory entries carry the file's type */
	memcpy(super + 104, uuid, sizeof(uuid));
	memcpy(super + 120, "proa-flip", 9);
}

static void render_group(uint8_t *block)
{
	bytes_put_le32(block + 0, BLOCK_BLOCK_BITMAP);
	bytes_put_le32(block + 4, BLOCK_INODE_BITMAP);
	bytes_put_le32(block + 8, BLOCK_INODES);
	bytes_put_le16(block + 12, (uint16_t)free_blocks());
	bytes_put_le16(block + 14, INODES - INODES_USED);
	bytes_put_le16(block + 16, 2); /* folders */
}

static void set_bits(uint8_t *bitmap, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
}

/* Bits behind the end of the file system count as used. */
static void render_block_bitmap(uint8_t *block)
{
	set_bits(block, 0, METADATA_BLOCKS);
	for (int i = 0; i < FILES; i++)
		set_bits(block, file_first_block(i), file_first_block(i) + file_blocks(i));
	set_bits(block, BLOCKS, 8 * FLIPFS_BLOCK_SIZE);
}

static void render_inode_bitmap(uint8_t *block)
{
	set_bits(block, 0, INODES_USED);
	set_bits(block, INODES, 8 * FLIPFS_BLOCK_SIZE);
}

static uint8_t *render_inode(uint8_t *block, uint32_t number, uint16_t mode, uint16_t links,
			     uint32_t size, uint32_t blocks)
{
	uint8_t *inode = block + (size_t)(number - 1) * INODE_SIZE;

	bytes_put_le16(inode + 0, mode);
	bytes_put_le32(inode + 4, size);
	bytes_put_le16(inode + 26, links);
	bytes_put_le32(inode + 28, blocks * SECTORS_PER_BLOCK);
	return inode + 40; /* its block numbers */
}

static void render_inodes(uint8_t *block)
{
	uint8_t *map;

	map = render_inode(block, INODE_ROOT, 040755, 3, FLIPFS_BLOCK_SIZE, 1);
	bytes_put_le32(map, BLOCK_ROOT);
	map = render_inode(block, INODE_LOST_FOUND, 040700, 2, FLIPFS_BLOCK_SIZE, 1);
	bytes_put_le32(map, BLOCK_LOST_FOUND);
	for (int i = 0; i < FILES; i++) {
		uint32_t blocks = file_blocks(i);
		uint32_t direct = blocks < DIRECT_BLOCKS ? blocks : DIRECT_BLOCKS;

		map = render_inode(block, INODE_FILES + (uint32_t)i, 0100600, 1, files[i].size,
				   blocks + (blocks > DIRECT_BLOCKS));
		for (uint32_t j = 0; j < direct; j++)
			bytes_put_le32(map + (size_t)4 * j, file_first_block(i) + j);
		if (blocks > DIRECT_BLOCKS)
			bytes_put_le32(map + (size_t)4 * DIRECT_BLOCKS, BLOCK_LOG_INDIRECT);
	}
}

/* Writes an entry at `at` of `length` bytes; returns where the next one starts. */
static size_t render_entry(uint8_t *block, size_t at, size_t length, uint32_t inode, uint8_t type,
			   const char *name)
{
	size_t name_size = strlen(name);

	if (length == 0)
		length = (8 + name_size + 3) & ~(size_t)3;
	bytes_put_le32(block + at, inode);
	bytes_put_le16(block + at + 4, (uint16_t)length);
	block[at + 6] = (uint8_t)name_size;
	block[at + 7] = type;
	memcpy(block + at + 8, name, name_size);
	return at + length;
}

static void render_root(uint8_t *block)
{
	size_t at = 0;

	at = render_entry(block, at, 0, INODE_ROOT, TYPE_FOLDER, ".");
	at = render_entry(block, at, 0, INODE_ROOT, TYPE_FOLDER, "..");
	at = render_entry(block, at, 0, INODE_LOST_FOUND, TYPE_FOLDER, "lost+found");
	for (int i = 0; i < FILES; i++) {
		/* The last entry reaches to the end of the block. */
		size_t length = i == FILES - 1 ? FLIPFS_BLOCK_SIZE - at : 0;

		at = render_entry(block, at, length, INODE_FILES + (uint32_t)i, TYPE_FILE,
				  files[i].name);
	}
}

static void render_lost_found(uint8_t *block)
{
	size_t at = render_entry(block, 0, 0, INODE_LOST_FOUND, TYPE_FOLDER, ".");

	render_entry(block, at, FLIPFS_BLOCK_SIZE - at, INODE_ROOT, TYPE_FOLDER, "..");
}

static void render_log_indirect(uint8_t *block)
{
	for (uint32_t i = DIRECT_BLOCKS; i < file_blocks(FILE_LOG); i++)
		bytes_put_le32(block + (size_t)4 * (i - DIRECT_BLOCKS),
			       file_first_block(FILE_LOG) + i);
}

void flipfs_render_metadata(uint32_t index, uint8_t out[FLIPFS_BLOCK_SIZE])
{
	static void (*const render[METADATA_BLOCKS])(uint8_t *) = {
		[BLOCK_SUPER] = render_super,
		[BLOCK_GROUP] = render_group,
		[BLOCK_BLOCK_BITMAP] = render_block_bitmap,
		[BLOCK_INODE_BITMAP] = render_inode_bitmap,
		[BLOCK_INODES] = render_inodes,
		[BLOCK_ROOT] = render_root,
		[BLOCK_LOST_FOUND] = render_lost_found,
		[BLOCK_LOG_INDIRECT] = render_log_indirect,
	};

	memset(out, 0, FLIPFS_BLOCK_SIZE);
	if (index < METADATA_BLOCKS)
		render[index](out);
}

void flipfs_render(uint8_t out[FLIPFS_SIZE], const struct flip *flip, const struct args *args)
{
	memset(out, 0, FLIPFS_SIZE);
	for (uint32_t i = 0; i < METADATA_BLOCKS; i++)
		flipfs_render_metadata(i, out + (size_t)i * FLIPFS_BLOCK_SIZE);
	flip_render(flip, out + FLIPFS_BLOCK_OFFSET);
	flip_render(flip, out + FLIPFS_MIRROR_OFFSET);
	args_render(args, out + FLIPFS_ARGS_OFFSET);
}
