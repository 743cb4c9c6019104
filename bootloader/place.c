#include "bootloader/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/io.h"

/*
 * Offsets in GRUB 2.14's images: include/grub/i386/pc/boot.h for boot.img and
 * the block list (12 bytes: start, length in sectors, segment; growing down
 * from the end of the core's first sector, ended by a length of 0).
 */
enum {
	SECTOR = 512,
	BOOT_KERNEL_SECTOR = 0x5c,
	BOOT_DRIVE = 0x64,
	BOOT_DRIVE_CHECK = 0x66,
	MBR_KEPT_START = 0x1b8, /* disk signature and partition table */
	MBR_KEPT_END = 0x1fe,
	LIST_START = SECTOR - 12,
	LIST_LENGTH = SECTOR - 4,
	LIST_SEGMENT = SECTOR - 2,
	LIST_NEXT_LENGTH = SECTOR - 12 - 4,
	KERNEL_SEGMENT = 0x820, /* where the core's second sector is loaded: 0x8200 */
	CHUNK = 64 << 10,
	PAGE = 4096,
};

static const uint64_t copy_offset[PLACE_COPIES] = {PLACE_COPY0_OFFSET, PLACE_COPY1_OFFSET};

static uint32_t rest_sectors(const struct place_bios *images)
{
	return (uint32_t)((images->core_size - SECTOR + SECTOR - 1) / SECTOR);
}

static int check_images(const struct place_bios *images, struct error *err)
{
	if (images->boot_size != PLACE_BOOT_SIZE ||
	    bytes_get_le16(images->boot + MBR_KEPT_END) != 0xaa55 ||
	    images->boot[BOOT_DRIVE] != 0xff)
		return error_set(err, -EINVAL, "boot.img is not GRUB's boot sector");
	if (images->core_size <= SECTOR || images->core_size > PLACE_CORE_MAX)
		return error_set(err, -EINVAL, "core.img has %zu bytes; %d at most fit proa-bios",
				 images->core_size, PLACE_CORE_MAX);
	/* grub-mkimage has filled in the length. */
	if (bytes_get_le16(images->core + LIST_SEGMENT) != KERNEL_SEGMENT ||
	    bytes_get_le16(images->core + LIST_LENGTH) != rest_sectors(images) ||
	    bytes_get_le16(images->core + LIST_NEXT_LENGTH) != 0)
		return error_set(err, -EINVAL, "core.img is not a core image for BIOS");
	return 0;
}

/* Flushes, then reads back past the cache and compares. */
static int settle(int fd, uint64_t offset, const uint8_t *bytes, size_t size, const char *what,
		  struct error *err)
{
	_cleanup_free_ uint8_t *seen = malloc(size);
	/* Only whole pages leave the cache. */
	uint64_t start = offset / PAGE * PAGE;
	uint64_t end = (offset + size + PAGE - 1) / PAGE * PAGE;
	int r;

	if (!seen)
		return error_oom(err);
	if (fdatasync(fd) < 0)
		return error_errno(err, "cannot write GRUB's %s", what);
	posix_fadvise(fd, (off_t)start, (off_t)(end - start), POSIX_FADV_DONTNEED);
	r = io_pread_full(fd, seen, size, offset);
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read back GRUB's %s", what);
	}
	if (memcmp(seen, bytes, size) != 0)
		return error_set(err, -EIO,
				 "GRUB's %s reads back other than it was written: the disk is "
				 "failing",
				 what);
	return 0;
}

static int write_settled(int fd, uint64_t offset, const uint8_t *bytes, size_t size,
			 const char *what, struct error *err)
{
	int r = io_pwrite_full(fd, bytes, size, offset);

	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot write GRUB's %s", what);
	}
	return settle(fd, offset, bytes, size, what, err);
}

static int write_rest(int fd, uint64_t bios_offset, int copy, const struct place_bios *images,
		      struct error *err)
{
	size_t size = (size_t)rest_sectors(images) * SECTOR;
	_cleanup_free_ uint8_t *rest = calloc(1, size);

	if (!rest)
		return error_oom(err);
	memcpy(rest, images->core + SECTOR, images->core_size - SECTOR);
	return write_settled(fd, bios_offset + copy_offset[copy], rest, size, "core image", err);
}

static void first_sector(uint64_t bios_offset, int copy, const struct place_bios *images,
			 uint8_t sector[SECTOR])
{
	memcpy(sector, images->core, SECTOR);
	bytes_put_le64(sector + LIST_START, (bios_offset + copy_offset[copy]) / SECTOR);
}

static int write_mbr(int fd, uint64_t bios_offset, const struct place_bios *images,
		     struct error *err)
{
	uint8_t found[SECTOR], mbr[SECTOR];
	int r = io_pread_full(fd, found, SECTOR, 0);

	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read the disk's first sector");
	}
	memcpy(mbr, images->boot, SECTOR);
	bytes_put_le64(mbr + BOOT_KERNEL_SECTOR, bios_offset / SECTOR);
	/* Two NOPs: firmware that passes a wrong drive number gets the first hard disk. */
	mbr[BOOT_DRIVE_CHECK] = 0x90;
	mbr[BOOT_DRIVE_CHECK + 1] = 0x90;
	memcpy(mbr + MBR_KEPT_START, found + MBR_KEPT_START, MBR_KEPT_END - MBR_KEPT_START);
	return write_settled(fd, 0, mbr, SECTOR, "boot sector", err);
}

int place_bios_install(int fd, uint64_t bios_offset, const struct place_bios *images,
		       struct error *err)
{
	uint8_t alone[4096] = {0};
	int r = check_images(images, err);

	if (r == 0)
		r = write_rest(fd, bios_offset, 0, images, err);
	if (r == 0) {
		first_sector(bios_offset, 0, images, alone);
		r = write_settled(fd, bios_offset, alone, sizeof(alone), "first core sector", err);
	}
	if (r == 0)
		r = write_mbr(fd, bios_offset, images, err);
	return r;
}

int place_bios_copy_in_use(int fd, uint64_t bios_offset, struct error *err)
{
	uint8_t sector[SECTOR];
	int r = io_pread_full(fd, sector, SECTOR, bios_offset);

	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read GRUB's first core sector");
	}
	if (bytes_get_le16(sector + LIST_SEGMENT) == KERNEL_SEGMENT) {
		uint64_t start = bytes_get_le64(sector + LIST_START);

		for (int copy = 0; copy < PLACE_COPIES; copy++) {
			if (start == (bios_offset + copy_offset[copy]) / SECTOR)
				return copy;
		}
	}
	return error_set(err, -EBADMSG, "GRUB's first core sector names no copy of the core image");
}

int place_bios_update(int fd, uint64_t bios_offset, const struct place_bios *images,
		      struct error *err)
{
	uint8_t sector[SECTOR];
	int r = check_images(images, err);
	int copy;

	if (r < 0)
		return r;
	copy = place_bios_copy_in_use(fd, bios_offset, err);
	if (copy < 0)
		return copy;
	copy = 1 - copy;
	/* The new copy is on the disk before the one sector names it: a power cut leaves the old.
	 */
	r = write_rest(fd, bios_offset, copy, images, err);
	if (r < 0)
		return r;
	first_sector(bios_offset, copy, images, sector);
	return write_settled(fd, bios_offset, sector, SECTOR, "first core sector", err);
}

int place_esp_install(int source, uint64_t source_offset, uint64_t size, int fd,
		      uint64_t esp_offset, uint64_t esp_size, uint32_t sector_size,
		      struct error *err)
{
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK);

	if (!chunk)
		return error_oom(err);
	if (size < sector_size || size > esp_size)
		return error_set(err, -EINVAL,
				 "the image for proa-esp has %llu bytes; the partition holds %llu",
				 (unsigned long long)size, (unsigned long long)esp_size);
	for (uint64_t done = 0; done < size;) {
		size_t part = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
		int r = io_pread_full(source, chunk, part, source_offset + done);

		if (r < 0) {
			errno = -r;
			return error_errno(err, "cannot read the image for proa-esp");
		}
		/* The FAT's own sector size must be the disk's, or no firmware reads it. */
		if (done == 0 && (bytes_get_le16(chunk + 11) != sector_size ||
				  bytes_get_le16(chunk + 510) != 0xaa55))
			return error_set(err, -EINVAL,
					 "the image for proa-esp is no FAT for sectors of %u bytes",
					 sector_size);
		r = io_pwrite_full(fd, chunk, part, esp_offset + done);
		if (r < 0) {
			errno = -r;
			return error_errno(err, "cannot write proa-esp");
		}
		done += part;
	}
	for (uint64_t done = 0; done < size;) {
		size_t part = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
		int r = io_pread_full(source, chunk, part, source_offset + done);

		if (r < 0) {
			errno = -r;
			return error_errno(err, "cannot read the image for proa-esp");
		}
		r = settle(fd, esp_offset + done, chunk, part, "image in proa-esp", err);
		if (r < 0)
			return r;
		done += part;
	}
	return 0;
}
