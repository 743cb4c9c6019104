/*
 * Placing GRUB on a disk, by offset: no grub-install, no device map. Works on
 * a device and on a plain file alike. The caller syncs nothing: each step that
 * relies on an order flushes by itself.
 */
#ifndef PROA_BOOTLOADER_PLACE_H
#define PROA_BOOTLOADER_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/format/layout.h"

enum {
	PLACE_BOOT_SIZE = 512,                        /* boot.img */
	PLACE_FIRST_SIZE = 512,                       /* the core's first sector */
	PLACE_CORE_MAX = 512 + (1 << 20) - (4 << 10), /* core.img: its rest fits copy 0 */
	PLACE_COPIES = 2,
};

/* Where the rest of the core lies in proa-bios, per copy, in bytes. */
#define PLACE_COPY0_OFFSET (UINT64_C(4) << 10)
#define PLACE_COPY1_OFFSET (UINT64_C(1) << 20)

struct place_bios {
	const uint8_t *boot; /* boot.img, PLACE_BOOT_SIZE bytes */
	size_t boot_size;
	const uint8_t *core; /* core.img */
	size_t core_size;
};

/*
 * Installs for BIOS: the core into copy 0, its first sector, then the MBR's
 * boot code. Partition table and disk signature in the MBR stay as they are.
 *
 * fd            the disk, open for reading and writing; borrowed
 * bios_offset   where proa-bios starts, in bytes
 *
 * 512-byte sectors only (BIOS firmware can't boot others). Returns 0, -EINVAL
 * where the images are not GRUB's or do not fit, or a negative errno.
 */
int place_bios_install(int fd, uint64_t bios_offset, const struct place_bios *images,
		       struct error *err);

/*
 * Updates: the new core into the copy that is not in use, flushed and read
 * back, then the one sector that names it. The MBR is not touched.
 */
int place_bios_update(int fd, uint64_t bios_offset, const struct place_bios *images,
		      struct error *err);

/* The copy that the first sector names: 0 or 1, or -EBADMSG. */
int place_bios_copy_in_use(int fd, uint64_t bios_offset, struct error *err);

/*
 * Writes the FAT image (cut behind its last used byte) to proa-esp. The sector
 * size chooses the image: esp-512.img or esp-4096.img.
 *
 * source, source_offset, size   where the image is read from (a file, or the
 *                               slot that holds it)
 * fd, esp_offset, esp_size      the disk and the partition, in bytes
 */
int place_esp_install(int source, uint64_t source_offset, uint64_t size, int fd,
		      uint64_t esp_offset, uint64_t esp_size, uint32_t sector_size,
		      struct error *err);

#endif
