/*
 * The disk: docs/internals.md "The disk". One GPT for BIOS and UEFI, every
 * partition aligned to 1 MiB. These numbers are a format: machines in the
 * field have them on disk.
 */
#ifndef PROA_LIB_FORMAT_LAYOUT_H
#define PROA_LIB_FORMAT_LAYOUT_H

#include <stdint.h>

#define LAYOUT_MIB (UINT64_C(1) << 20)
#define LAYOUT_GIB (UINT64_C(1) << 30)

/* Partition numbers, as the kernel and GRUB count them. */
enum layout_partition {
	LAYOUT_BIOS = 1,
	LAYOUT_ESP = 2,
	LAYOUT_FLIP = 3,
	LAYOUT_SLOT_A = 4,
	LAYOUT_SLOT_B = 5,
	LAYOUT_STATE = 6,
	LAYOUT_PARTITIONS = 6,
};

#define LAYOUT_LABEL_BIOS   "proa-bios"
#define LAYOUT_LABEL_ESP    "proa-esp"
#define LAYOUT_LABEL_FLIP   "proa-flip"
#define LAYOUT_LABEL_SLOT_A "proa-a"
#define LAYOUT_LABEL_SLOT_B "proa-b"
#define LAYOUT_LABEL_STATE  "proa-state"

/* Partition types. BIOS boot and ESP: UEFI specification 2.10 §5.3.3 and GRUB's manual. */
#define LAYOUT_TYPE_BIOS  "21686148-6449-6e6f-744e-656564454649"
#define LAYOUT_TYPE_ESP   "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
#define LAYOUT_TYPE_STATE "0fc63daf-8483-4772-8e79-3d69d8477de4" /* "Linux filesystem" */
/* Proa's own, so that no other system mounts these by itself. */
#define LAYOUT_TYPE_FLIP "5a4c01f6-9c3e-4d5b-8f0e-b7c3a0f1d2e6"
#define LAYOUT_TYPE_SLOT "c8e0b4d2-17a9-4f36-a5d1-6b1f2c9e7a40"

#define LAYOUT_START_BYTES      (1 * LAYOUT_MIB)
#define LAYOUT_BIOS_BYTES       (2 * LAYOUT_MIB)
#define LAYOUT_ESP_BYTES_512    (64 * LAYOUT_MIB)
#define LAYOUT_ESP_BYTES_4096   (264 * LAYOUT_MIB) /* the least that FAT32 allows there */
#define LAYOUT_FLIP_BYTES       (2 * LAYOUT_MIB)
#define LAYOUT_SLOT_BYTES_MIN   (1 * LAYOUT_GIB)

/* The slot descriptor: the last 64 KiB of a slot's partition. */
#define LAYOUT_DESCRIPTOR_BYTES (UINT64_C(64) << 10)

#endif
