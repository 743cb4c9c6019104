/*
 * The boot log ring in proa-flip: what a boot left behind for the next one to
 * read, also where it never reached the state partition (DESIGN §7). 256
 * records of 4 KiB, two for each of the last 128 boots, written in turn: a torn
 * write leaves the one before. A record, little-endian:
 *
 *      0  magic "PROALOG1"
 *      8  u64 number of the boot, from 1
 *     16  u64 sequence within the boot, from 1
 *     24  the kernel's boot id, 16 bytes
 *     40  u64 seconds since 1970 by the clock, when written
 *     48  u64 milliseconds since the kernel started, when written
 *     56  u8 slot ('a', 'b'), u8 stage, u8 end, u8 flags
 *     60  u32 bytes of the last lines
 *     64  the flip block as GRUB had saved it (the argument proa.flip), 32 bytes
 *     96  version of the release, 32 bytes
 *    128  reason, 256 bytes; texts end with a NUL
 *    384  last lines, up to 3680 bytes
 *   4064  SHA-256 over all of that
 */
#ifndef PROA_BOOTLOADER_BOOTLOG_H
#define PROA_BOOTLOADER_BOOTLOG_H

#include <stddef.h>
#include <stdint.h>

#include "bootloader/flipfs.h"
#include "lib/error.h"

enum {
	BOOTLOG_RECORD_SIZE = 4096,
	BOOTLOG_BOOTS = FLIPFS_LOG_SIZE / BOOTLOG_RECORD_SIZE / 2,
	BOOTLOG_ID_SIZE = 16,
	BOOTLOG_FLIP_SIZE = 32,
	BOOTLOG_VERSION_SIZE = 32,
	BOOTLOG_REASON_SIZE = 256,
	BOOTLOG_LINES_MAX = 3680,
};

/* How far the boot came. */
enum bootlog_stage {
	BOOTLOG_INITRAMFS = 1, /* init runs, and has found the disk */
	BOOTLOG_ROOT = 2,      /* root verified and mounted, PID 1 runs in the slot */
	BOOTLOG_STATE = 3,     /* state partition mounted */
	BOOTLOG_GATE = 4,      /* health gate passed */
	BOOTLOG_SETTLED = 5,
};

/* How it ended, as far as the boot itself could say. */
enum bootlog_end {
	BOOTLOG_RUNNING = 0, /* it did not say: still running, or reset */
	BOOTLOG_FAILED = 1,  /* gave up, for the reason; the machine was rebooted */
	BOOTLOG_REBOOT = 2,  /* orderly */
	BOOTLOG_POWEROFF = 3,
	BOOTLOG_HALT = 4,
};

enum bootlog_flag {
	BOOTLOG_FELLBACK = 1,
	BOOTLOG_LASTRESORT = 2,
	BOOTLOG_UNSAVED = 4,
	BOOTLOG_DEGRADED = 8, /* then the reason says of what */
};

struct bootlog_record {
	uint64_t boot, sequence;
	uint8_t id[BOOTLOG_ID_SIZE];
	uint64_t time;      /* seconds since 1970 */
	uint64_t uptime_ms;
	char slot;
	enum bootlog_stage stage;
	enum bootlog_end end;
	unsigned int flags;
	char flip[BOOTLOG_FLIP_SIZE];
	char version[BOOTLOG_VERSION_SIZE];
	char reason[BOOTLOG_REASON_SIZE];
	char lines[BOOTLOG_LINES_MAX + 1];
};

/* Makes the 4 KiB; texts that are too long are cut. Returns 0 or -EIO (no SHA-256). */
int bootlog_render(const struct bootlog_record *record, uint8_t out[BOOTLOG_RECORD_SIZE]);

/* Returns 0, -ENODATA (nothing there) or -EBADMSG (torn, damaged, or not permitted). */
int bootlog_parse(const uint8_t bytes[BOOTLOG_RECORD_SIZE], struct bootlog_record *out);

/*
 * Opens proa-flip for the ring, past the cache where that works. One writer
 * alone, PID 1, uses the ring, so there is no lock. Returns the descriptor.
 */
int bootlog_open(const char *path, struct error *err);

/*
 * The number that the boot `id` writes under: the one that it has already, else
 * one more than the highest. `offset` is where proa-flip starts in `fd`.
 * An unreadable ring gives number 1: recording must not keep a boot from going on.
 */
uint64_t bootlog_number(int fd, uint64_t offset, const uint8_t id[BOOTLOG_ID_SIZE]);

/*
 * Writes the record at its place, which `boot` and `sequence` give. Returns 0,
 * -EINVAL (boot or sequence is 0), or a negative errno.
 */
int bootlog_write(int fd, uint64_t offset, const struct bootlog_record *record, struct error *err);

/*
 * Hands over the newest whole record of every boot with a number above `after`,
 * in the order of the boots. A negative return value of `each` ends it.
 *
 * Returns 0, what `each` returned, or a negative errno.
 */
typedef int (*bootlog_each_fn)(void *context, const struct bootlog_record *record);
int bootlog_each(int fd, uint64_t offset, uint64_t after, bootlog_each_fn each, void *context,
		 struct error *err);

/* How far it came, for people: "with the state mounted", "settled". */
const char *bootlog_stage_name(enum bootlog_stage stage);

/*
 * How it ended, for people, in one line: "stage 1 failed: …", "reset, last heartbeat at …",
 * with "; degraded: …" behind it.
 */
void bootlog_describe(const struct bootlog_record *record, char *out, size_t size);

#endif
