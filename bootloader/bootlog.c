#include "bootloader/bootlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/hash.h"
#include "lib/io.h"

static const char MAGIC[8] = {'P', 'R', 'O', 'A', 'L', 'O', 'G', '1'};

enum {
	AT_BOOT = 8,
	AT_SEQUENCE = 16,
	AT_ID = 24,
	AT_TIME = 40,
	AT_UPTIME = 48,
	AT_SLOT = 56,
	AT_STAGE = 57,
	AT_END = 58,
	AT_FLAGS = 59,
	AT_LINES_SIZE = 60,
	AT_FLIP = 64,
	AT_VERSION = 96,
	AT_REASON = 128,
	AT_LINES = 384,
	AT_SUM = 4064,
};
_Static_assert(AT_LINES + BOOTLOG_LINES_MAX == AT_SUM, "lines end where the sum begins");
_Static_assert(AT_SUM + HASH_SIZE == BOOTLOG_RECORD_SIZE, "the sum is last");

/* Copies a text into its field; cut where it is too long, and always ended by a NUL. */
static void put_text(uint8_t *field, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(field, text, length);
}

static bool get_text(char *out, const uint8_t *field, size_t size)
{
	if (!memchr(field, '\0', size))
		return false;
	memcpy(out, field, size);
	return true;
}

int bootlog_render(const struct bootlog_record *record, uint8_t out[BOOTLOG_RECORD_SIZE])
{
	size_t lines = strnlen(record->lines, BOOTLOG_LINES_MAX);

	memset(out, 0, BOOTLOG_RECORD_SIZE);
	memcpy(out, MAGIC, sizeof(MAGIC));
	bytes_put_le64(out + AT_BOOT, record->boot);
	bytes_put_le64(out + AT_SEQUENCE, record->sequence);
	memcpy(out + AT_ID, record->id, BOOTLOG_ID_SIZE);
	bytes_put_le64(out + AT_TIME, record->time);
	bytes_put_le64(out + AT_UPTIME, record->uptime_ms);
	out[AT_SLOT] = (uint8_t)record->slot;
	out[AT_STAGE] = (uint8_t)record->stage;
	out[AT_END] = (uint8_t)record->end;
	out[AT_FLAGS] = (uint8_t)record->flags;
	bytes_put_le32(out + AT_LINES_SIZE, (uint32_t)lines);
	put_text(out + AT_FLIP, BOOTLOG_FLIP_SIZE, record->flip);
	put_text(out + AT_VERSION, BOOTLOG_VERSION_SIZE, record->version);
	put_text(out + AT_REASON, BOOTLOG_REASON_SIZE, record->reason);
	memcpy(out + AT_LINES, record->lines, lines);
	return hash_bytes(out, AT_SUM, out + AT_SUM);
}

int bootlog_parse(const uint8_t bytes[BOOTLOG_RECORD_SIZE], struct bootlog_record *out)
{
	uint8_t sum[HASH_SIZE];
	uint32_t lines = bytes_get_le32(bytes + AT_LINES_SIZE);

	if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0)
		return -ENODATA;
	if (hash_bytes(bytes, AT_SUM, sum) < 0 || memcmp(sum, bytes + AT_SUM, HASH_SIZE) != 0)
		return -EBADMSG;

	memset(out, 0, sizeof(*out));
	out->boot = bytes_get_le64(bytes + AT_BOOT);
	out->sequence = bytes_get_le64(bytes + AT_SEQUENCE);
	memcpy(out->id, bytes + AT_ID, BOOTLOG_ID_SIZE);
	out->time = bytes_get_le64(bytes + AT_TIME);
	out->uptime_ms = bytes_get_le64(bytes + AT_UPTIME);
	out->slot = (char)bytes[AT_SLOT];
	out->stage = bytes[AT_STAGE];
	out->end = bytes[AT_END];
	out->flags = bytes[AT_FLAGS];
	if (out->boot == 0 || out->sequence == 0 || lines > BOOTLOG_LINES_MAX ||
	    (out->slot != 'a' && out->slot != 'b') || out->stage < BOOTLOG_INITRAMFS ||
	    out->stage > BOOTLOG_SETTLED || out->end > BOOTLOG_HALT ||
	    !get_text(out->flip, bytes + AT_FLIP, BOOTLOG_FLIP_SIZE) ||
	    !get_text(out->version, bytes + AT_VERSION, BOOTLOG_VERSION_SIZE) ||
	    !get_text(out->reason, bytes + AT_REASON, BOOTLOG_REASON_SIZE))
		return -EBADMSG;
	memcpy(out->lines, bytes + AT_LINES, lines);
	return 0;
}

int bootlog_open(const char *path, struct error *err)
{
	/* A file system without O_DIRECT (a disk file on tmpfs) still has O_SYNC. */
	int fd = open(path, O_RDWR | O_DIRECT | O_SYNC | O_CLOEXEC);

	if (fd < 0 && errno == EINVAL)
		fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s for the boot log ring", path);
	return fd;
}

/* Record by record: a sector that cannot be read costs its own record, no other. */
static int read_singly(int fd, uint64_t offset, uint8_t *ring)
{
	size_t count = FLIPFS_LOG_SIZE / BOOTLOG_RECORD_SIZE, lost = 0;
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *record = ring + i * BOOTLOG_RECORD_SIZE;
		int r = io_pread_full(fd, record, BOOTLOG_RECORD_SIZE,
				      offset + FLIPFS_LOG_OFFSET + i * BOOTLOG_RECORD_SIZE);

		if (r == 0)
			continue;
		memset(record, 0, BOOTLOG_RECORD_SIZE);
		first = first ? first : r;
		lost++;
	}
	return lost == count ? first : 0;
}

/* The whole ring in one read; O_DIRECT asks for aligned memory. The caller frees it. */
static int read_ring(int fd, uint64_t offset, uint8_t **out, struct error *err)
{
	_cleanup_free_ void *ring = NULL;
	int r;

	if (posix_memalign(&ring, BOOTLOG_RECORD_SIZE, FLIPFS_LOG_SIZE) != 0)
		return error_oom(err);
	r = io_pread_full(fd, ring, FLIPFS_LOG_SIZE, offset + FLIPFS_LOG_OFFSET);
	if (r < 0)
		r = read_singly(fd, offset, ring);
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read the boot log ring");
	}
	*out = ptr_take(ring);
	return 0;
}

/* The place in the ring of one record. */
static size_t place(uint64_t boot, uint64_t sequence)
{
	return (size_t)(boot % BOOTLOG_BOOTS) * 2 + (size_t)(sequence % 2);
}

uint64_t bootlog_number(int fd, uint64_t offset, const uint8_t id[BOOTLOG_ID_SIZE])
{
	_cleanup_free_ uint8_t *ring = NULL;
	struct bootlog_record record;
	uint64_t highest = 0;

	if (read_ring(fd, offset, &ring, NULL) < 0)
		return 1;
	for (size_t i = 0; i < FLIPFS_LOG_SIZE / BOOTLOG_RECORD_SIZE; i++) {
		const uint8_t *bytes = ring + i * BOOTLOG_RECORD_SIZE;

		/* Hashing all 256 takes 50 ms on a slow machine: only where it would count. */
		if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0 ||
		    bytes_get_le64(bytes + AT_BOOT) <= highest || bootlog_parse(bytes, &record) < 0)
			continue;
		if (place(record.boot, record.sequence) != i || record.boot == UINT64_MAX)
			continue;
		if (memcmp(record.id, id, BOOTLOG_ID_SIZE) == 0)
			return record.boot;
		highest = record.boot;
	}
	return highest + 1;
}

int bootlog_write(int fd, uint64_t offset, const struct bootlog_record *record, struct error *err)
{
	/* Static: PID 1 allocates nothing for a heartbeat. */
	static uint8_t bytes[BOOTLOG_RECORD_SIZE] __attribute__((aligned(BOOTLOG_RECORD_SIZE)));
	uint64_t at = offset + FLIPFS_LOG_OFFSET;
	int r;

	if (record->boot == 0 || record->sequence == 0)
		return error_set(err, -EINVAL, "a boot record needs a number and a sequence");
	r = bootlog_render(record, bytes);
	if (r == 0) {
		at += place(record->boot, record->sequence) * BOOTLOG_RECORD_SIZE;
		r = io_pwrite_full(fd, bytes, sizeof(bytes), at);
	}
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot write the boot record");
	}
	return 0;
}

int bootlog_each(int fd, uint64_t offset, uint64_t after, bootlog_each_fn each, void *context,
		 struct error *err)
{
	_cleanup_free_ uint8_t *ring = NULL;
	_cleanup_free_ struct bootlog_record *record = NULL; /* 4 KiB each: not on the stack */
	int r = read_ring(fd, offset, &ring, err);

	if (r < 0)
		return r;
	record = calloc(2, sizeof(*record));
	if (!record)
		return error_oom(err);

	for (;;) {
		struct bootlog_record *best = &record[0], *seen = &record[1];
		bool found = false;

		/* 256 records, 128 boots at most: a search for each is still short. */
		for (size_t i = 0; i < FLIPFS_LOG_SIZE / BOOTLOG_RECORD_SIZE; i++) {
			const uint8_t *bytes = ring + i * BOOTLOG_RECORD_SIZE;
			uint64_t boot = bytes_get_le64(bytes + AT_BOOT);
			uint64_t sequence = bytes_get_le64(bytes + AT_SEQUENCE);

			if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0 || boot <= after ||
			    place(boot, sequence) != i)
				continue;
			if (found && (boot > best->boot ||
				      (boot == best->boot && sequence <= best->sequence)))
				continue;
			if (bootlog_parse(bytes, seen) < 0)
				continue;
			*best = *seen;
			found = true;
		}
		if (!found)
			return 0;
		r = each(context, best);
		if (r < 0)
			return r;
		after = best->boot;
	}
}

const char *bootlog_stage_name(enum bootlog_stage stage)
{
	switch (stage) {
	case BOOTLOG_INITRAMFS:
		return "in the initramfs";
	case BOOTLOG_ROOT:
		return "with the root verified";
	case BOOTLOG_STATE:
		return "with the state mounted";
	case BOOTLOG_GATE:
		return "with the health gate passed";
	case BOOTLOG_SETTLED:
		return "settled";
	}
	return "at an unknown stage";
}

static void describe_end(const struct bootlog_record *record, char *out, size_t size)
{
	char when[32] = "an unknown time";
	time_t time = (time_t)record->time;
	struct tm parts;

	switch (record->end) {
	case BOOTLOG_FAILED:
		snprintf(out, size, "stage %d failed: %s",
			 record->stage == BOOTLOG_INITRAMFS ? 1 : 2, record->reason);
		return;
	case BOOTLOG_REBOOT:
		snprintf(out, size, "orderly reboot, %s", bootlog_stage_name(record->stage));
		return;
	case BOOTLOG_POWEROFF:
	case BOOTLOG_HALT:
		snprintf(out, size, "orderly power-off, %s", bootlog_stage_name(record->stage));
		return;
	case BOOTLOG_RUNNING:
		break;
	}
	if (gmtime_r(&time, &parts))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(out, size, "reset, last heartbeat at %s, %llu s after its start, %s", when,
		 (unsigned long long)(record->uptime_ms / 1000), bootlog_stage_name(record->stage));
}

void bootlog_describe(const struct bootlog_record *record, char *out, size_t size)
{
	size_t used;

	describe_end(record, out, size);
	used = strlen(out);
	/* A failure's reason has been told already, and has taken the place of any other. */
	if (record->flags & BOOTLOG_DEGRADED && record->end != BOOTLOG_FAILED && *record->reason)
		snprintf(out + used, size - used, "; degraded: %s", record->reason);
	/* Whoever keeps it in lines must find one. */
	for (char *p = out; (p = strchr(p, '\n'));)
		*p = ' ';
}
