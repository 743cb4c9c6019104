#include "init/supervise/root_errors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/say.h"
#include "init/supervise/loop.h"
#include "lib/cleanup.h"

enum {
	RECORD_SIZE = 4096, /* the kernel's longest is half of it */
	RECORDS_A_TURN = 64,
	KERNEL_PRIORITIES = 8, /* from here on, a program's words */
	READ_AHEAD = 1 << 19,  /* linux/blk_types.h, REQ_RAHEAD */
};

static int kmsg = -1;
static struct root_area root;

/* The disk, or one of the ways to it that NVMe's multipath hides: nvme0c1n1 for nvme0n1. */
static bool is_disk(const char *said, const char *disk)
{
	unsigned int subsystem, controller, namespace;
	char name[FACTS_NODE_SIZE];

	if (strcmp(said, disk) == 0)
		return true;
	if (sscanf(said, "nvme%uc%un%u", &subsystem, &controller, &namespace) != 3)
		return false;
	snprintf(name, sizeof(name), "nvme%un%u", subsystem, namespace);
	return strcmp(name, disk) == 0;
}

/* What follows the record's beginning, if it is the kernel's, and speaks of what a disk holds. */
static const char *behind_kind(const char *record)
{
	/* Names of block/blk-core.c, blk_errors[]. */
	static const char *const kinds[] = {"I/O error, ", "critical medium error, ",
					    "critical target error, ", "protection error, "};
	const char *text = strchr(record, ';');
	unsigned int priority;

	if (!text || sscanf(record, "%u,", &priority) != 1 || priority >= KERNEL_PRIORITIES)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(text + 1, kinds[i], strlen(kinds[i])) == 0)
			return text + 1 + strlen(kinds[i]);
	}
	return NULL;
}

bool root_errors_match(const char *record, const struct root_area *area)
{
	const char *at = behind_kind(record);
	char disk[sizeof(area->disk)];
	unsigned int flags;
	uint64_t sector;

	return at &&
	       sscanf(at, "dev %47[^,], sector %" SCNu64 " op 0x0:(READ) flags 0x%x", disk, &sector,
		      &flags) == 3 &&
	       !(flags & READ_AHEAD) && is_disk(disk, area->disk) && sector >= area->first &&
	       sector - area->first < area->count;
}

static void read_records(void *context)
{
	char record[RECORD_SIZE];

	for (int i = 0; i < RECORDS_A_TURN; i++) {
		ssize_t n = read(kmsg, record, sizeof(record) - 1);

		if (n < 0 && errno == EPIPE) /* older ones were overwritten: the next is another */
			continue;
		if (n <= 0)
			return;
		record[n] = '\0';
		if (root_errors_match(record, &root))
			gate_root_failed(context, "the disk could not read a block");
	}
}

static int read_number(const char *partition, const char *attribute, uint64_t *out)
{
	char path[128];
	_cleanup_file_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", partition, attribute);
	file = fopen(path, "re");
	return file && fscanf(file, "%" SCNu64, out) == 1 ? 0 : -ENODATA;
}

static const char *name_of(const char *node)
{
	const char *slash = strrchr(node, '/');

	return slash ? slash + 1 : node;
}

void root_errors_watch(struct gate *gate)
{
	const struct facts *facts = gate->facts;
	const char *partition = name_of(facts->slot == 'a' ? facts->slot_a : facts->slot_b);
	int r;

	snprintf(root.disk, sizeof(root.disk), "%s", name_of(facts->disk));
	if (read_number(partition, "start", &root.first) < 0 ||
	    read_number(partition, "size", &root.count) < 0) {
		say("error: where %s lies on its disk is not known: its errors are not watched",
		    partition);
		return;
	}
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	r = kmsg < 0 ? -errno : loop_add(kmsg, read_records, gate);
	if (r < 0)
		say("error: the kernel's log cannot be watched: %s", strerror(-r));
}
