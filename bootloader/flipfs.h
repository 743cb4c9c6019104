/*
 * The partition proa-flip: an ext2 of 2 MiB with 4 KiB blocks that nothing
 * mounts. GRUB reads and saves its files through the file system, Proa writes
 * them in place at the offsets below. Everything but the contents of the four
 * files is constant, byte for byte, for ever: machines in the field have it.
 */
#ifndef PROA_BOOTLOADER_FLIPFS_H
#define PROA_BOOTLOADER_FLIPFS_H

#include <stdint.h>

#include "bootloader/flip.h"
#include "lib/error.h"

#define FLIPFS_SIZE       (2u << 20)
#define FLIPFS_BLOCK_SIZE 4096u

/* File names in the root folder, as grub.cfg knows them. */
#define FLIPFS_NAME_BLOCK  "flip"
#define FLIPFS_NAME_MIRROR "mirror"
#define FLIPFS_NAME_ARGS   "args"
#define FLIPFS_NAME_LOG    "log"

/* Byte offsets in the partition; each file starts on its own 4 KiB. */
#define FLIPFS_METADATA_SIZE (8u * FLIPFS_BLOCK_SIZE) /* from offset 0 */
#define FLIPFS_BLOCK_OFFSET  (8u * FLIPFS_BLOCK_SIZE)
#define FLIPFS_MIRROR_OFFSET (16u * FLIPFS_BLOCK_SIZE)
#define FLIPFS_ARGS_OFFSET   (24u * FLIPFS_BLOCK_SIZE)
#define FLIPFS_ARGS_SIZE     FLIPFS_BLOCK_SIZE
#define FLIPFS_LOG_OFFSET    (32u * FLIPFS_BLOCK_SIZE)
#define FLIPFS_LOG_SIZE      (256u * FLIPFS_BLOCK_SIZE) /* 1 MiB, records of 4 KiB */

/*
 * Renders the whole partition, as the installer writes it: `flip` as block and
 * mirror, `args` as the machine's kernel arguments, an empty boot log ring.
 * `args->text` must have passed args_check (bootloader/args.h).
 */
struct args;
void flipfs_render(uint8_t out[FLIPFS_SIZE], const struct flip *flip, const struct args *args);

/* Renders metadata block `index` (0 … FLIPFS_METADATA_SIZE / FLIPFS_BLOCK_SIZE - 1). */
void flipfs_render_metadata(uint32_t index, uint8_t out[FLIPFS_BLOCK_SIZE]);

#endif
