/*
 * dm-verity by device-mapper's ioctls (linux/dm-ioctl.h; kernel:
 * Documentation/admin-guide/device-mapper/verity.rst).
 */
#ifndef PROA_INIT_BOOT_VERITY_DM_H
#define PROA_INIT_BOOT_VERITY_DM_H

#include <stddef.h>

#include "lib/error.h"
#include "lib/format/verity.h"

#define VERITY_DM_ROOT "proa-root" /* the name of the running root's device */

/*
 * Sets up the read-only device `name` over `device` (data and tree). A block
 * that does not verify reads as EIO: what a service needs degrades it alone,
 * and PID 1 decides about the rest.
 *
 * node  filled with the new device's node, /dev/dm-N
 *
 * Returns 0 or a negative errno.
 */
int verity_dm_open(const char *name, const char *device, const struct verity_params *params,
		   char *node, size_t node_size, struct error *err);

/*
 * What the kernel has seen of the device since it was set up. Returns 1: a
 * block was corrupt; 0: none; or a negative errno.
 */
int verity_dm_corrupt(const char *name);

#endif
