/*
 * A firmware boot entry, by efivarfs. Nothing depends on it: the ESP holds
 * EFI/BOOT/BOOTX64.EFI, which firmware finds by itself; the entry only puts
 * this disk in front of others.
 */
#ifndef PROA_INSTALLER_EFI_ENTRY_H
#define PROA_INSTALLER_EFI_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/blockdev.h"

enum { EFI_ENTRY_SIZE_MAX = 256 };

#define EFI_ENTRY_VARIABLES "/sys/firmware/efi/efivars"

/*
 * Adds the entry and puts it first, where this machine was booted by UEFI and
 * the disk stays in it (no loop device, nothing removable). Mounts efivarfs for
 * itself where nobody has.
 *
 * text  "Boot0003 Proa", or empty where none belongs here
 *
 * Returns 0 or a negative errno; a failure leaves the boot order as it was.
 */
int efi_entry_add(const struct blockdev *disk, const struct blockdev_partition *esp,
		  uint32_t sector_bytes, char *text, size_t text_size, struct error *err);

/* The same in any folder of variables, for any disk. */
int efi_entry_add_in(const char *folder, const struct blockdev_partition *esp,
		     uint32_t sector_bytes, char *text, size_t text_size, struct error *err);

/* The entry's bytes (EFI_LOAD_OPTION). Returns their number, 0 for a malformed GUID. */
size_t efi_entry_render(const struct blockdev_partition *esp, uint32_t sector_bytes,
			uint8_t out[EFI_ENTRY_SIZE_MAX]);

#endif
