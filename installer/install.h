/* An installation, once everything about it is known and agreed to. */
#ifndef PROA_INSTALLER_INSTALL_H
#define PROA_INSTALLER_INSTALL_H

#include <stdbool.h>
#include <stdio.h>

#include "installer/plan.h"
#include "installer/refuse.h"
#include "lib/blockdev.h"
#include "lib/format/bundle.h"

enum { INSTALL_EFI_TEXT_SIZE = 128 };

struct install {
	const struct blockdev *disk;
	struct refuse_hold *hold; /* its guard is let go of and taken again */
	const struct plan *plan;
	struct bundle *bundle;
	uint64_t root_number;
	const char *append; /* the machine's kernel arguments, checked */
	const char *config; /* cloud-config, checked; NULL: none */
	size_t config_size;
	FILE *progress; /* NULL: say nothing */

	/* filled by install_run */
	bool touched;      /* the disk is no longer what it was */
	int bundle_result; /* slot_write_image's answer: the bundle's, or -EIO for the disk */
	struct blockdev_partition partitions[LAYOUT_PARTITIONS];
};

/*
 * Does it, in an order that leaves no half-booting disk wherever it is cut off
 * (installer/marker.h): the mark, the table, slot A, the state partition,
 * proa-flip, the slot's descriptor, the ESP, and last GRUB's boot code in place
 * of the mark.
 *
 * Returns 0 or a negative errno. `touched` tells whether the disk was.
 */
int install_run(struct install *install, struct error *err);

#endif
