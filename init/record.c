#include "init/record.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <time.h>

#include "init/say.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/hex.h"
#include "lib/io.h"

enum { KLOG_READ_ALL = 3 }; /* syslog(2): the last bytes of the kernel's log */

static int ring = -1;
static bool failed; /* said once */
static struct bootlog_record record;

static void read_boot_id(uint8_t id[BOOTLOG_ID_SIZE])
{
	char text[64] = "", digits[2 * BOOTLOG_ID_SIZE + 1] = "";
	size_t used = 0;
	_cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)io_read_full(fd, text, sizeof(text) - 1);
	for (const char *p = text; *p && used < sizeof(digits) - 1; p++) {
		if (isxdigit((unsigned char)*p))
			digits[used++] = *p;
	}
	if (hex_decode(digits, id, BOOTLOG_ID_SIZE) < 0)
		memset(id, 0, BOOTLOG_ID_SIZE);
}

static bool write_record(void)
{
	struct error err = ERROR_INIT;
	int n;

	if (ring < 0)
		return false;
	record.sequence++;
	record.time = (uint64_t)time(NULL);
	record.uptime_ms = console_now_ms();
	n = klogctl(KLOG_READ_ALL, record.lines, BOOTLOG_LINES_MAX);
	record.lines[n > 0 ? n : 0] = '\0';
	if (bootlog_write(ring, 0, &record, &err) == 0)
		return true;
	if (!failed)
		say("error: %s", err.message);
	failed = true;
	return false;
}

void record_open(struct facts *facts)
{
	struct error err = ERROR_INIT;

	ring = bootlog_open(facts->flip, &err);
	if (ring < 0) {
		say("error: %s", err.message);
		return;
	}
	read_boot_id(record.id);
	if (facts->boot == 0)
		facts->boot = bootlog_number(ring, 0, record.id);
	else
		record.sequence = 16; /* above what stage 1 wrote, and stage 1 writes two */
	record.boot = facts->boot;
	record.slot = facts->slot;
	record.stage = BOOTLOG_INITRAMFS;
	record.flags = (facts->fellback ? BOOTLOG_FELLBACK : 0u) |
		       (facts->lastresort ? BOOTLOG_LASTRESORT : 0u) |
		       (facts->unsaved ? BOOTLOG_UNSAVED : 0u);
	snprintf(record.flip, sizeof(record.flip), "%.31s", facts->flip_text);
	snprintf(record.version, sizeof(record.version), "%.31s", facts->version);
}

void record_stage(enum bootlog_stage stage)
{
	record.stage = stage;
	(void)write_record();
}

void record_heartbeat(void)
{
	(void)write_record();
}

void record_degraded(const char *reason)
{
	record.flags |= BOOTLOG_DEGRADED;
	snprintf(record.reason, sizeof(record.reason), "%s", reason);
	(void)write_record();
}

bool record_end(enum bootlog_end end, const char *reason)
{
	record.end = end;
	if (*reason)
		snprintf(record.reason, sizeof(record.reason), "%s", reason);
	return write_record();
}
