/*
 * The mark of an unfinished installation: boot code in the MBR that says so.
 * It is the first thing written to a disk, and GRUB's boot code takes its place
 * as the last, so a disk never half-boots. (UEFI firmware finds nothing to boot
 * until then, and says that in its own words.)
 */
#ifndef PROA_INSTALLER_MARKER_H
#define PROA_INSTALLER_MARKER_H

#include <stdint.h>

#include "lib/error.h"

/* The lines that the boot code prints. */
#define MARKER_INTERRUPTED                                                                         \
	"Proa: the installation of this disk was interrupted. Run proa install again."
#define MARKER_UEFI_ONLY "Proa: this disk boots in UEFI mode only, for its sectors of 4096 bytes."

/*
 * Replaces the disk's first sector by boot code that prints `line`, and a
 * protective MBR (UEFI 2.10 §5.2.3), and syncs. What the disk held before is
 * then lost.
 */
int marker_write(int fd, uint64_t disk_bytes, uint32_t sector_bytes, const char *line,
		 struct error *err);

#endif
