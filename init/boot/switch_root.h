/* Leaves the initramfs for the slot's root. */
#ifndef PROA_INIT_BOOT_SWITCH_ROOT_H
#define PROA_INIT_BOOT_SWITCH_ROOT_H

#include "lib/error.h"

/*
 * Moves /dev, /proc, /run and /sys into `root`, frees the initramfs's memory,
 * makes `root` the root, and runs `program` in it. Returns only on failure;
 * the machine can then do nothing but reboot.
 */
int switch_root(const char *root, const char *program, struct error *err);

#endif
