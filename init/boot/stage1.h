/*
 * Stage 1: PID 1 in the initramfs (DESIGN §7). Finds the slot that GRUB chose,
 * checks it, mounts it, and becomes its /sbin/init. Any failure is told on the
 * console and in the boot record, and the machine reboots: GRUB counts.
 */
#ifndef PROA_INIT_BOOT_STAGE1_H
#define PROA_INIT_BOOT_STAGE1_H

_Noreturn void stage1_run(void);

#endif
