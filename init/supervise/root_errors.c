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
};

static int kmsg = -1;
static struct root_area root;

bool root_errors_match(const char *record, const struct root_area *area)
{
	char disk[sizeof(area->disk)];
	const char *text = strchr(record, ';'), *at;
	unsigned int priority;
	uint64_t sector;
	int end = 0;

	if (!text || sscanf(record, "%u,", &priority) != 1 || priority >= KERNEL_PRIORITIES)
		return false;
	at = strstr(text, " error, dev ");
	/* What another driver says of a device begins with that one's name, and a colon. */
	if (!at || memchr(text, ':', (size_t)(at - text)))
		return false;
	return sscanf(at, " error, dev %47[^,], sector %" SCNu64 " op 0x0:(READ)%n", disk, &sector,
		      &end) == 2 &&
	       end > 0 && strcmp(disk, area->disk) == 0 && sector >= area->first &&
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

	snprintf(root.disk, sizeof(root.disk), "%s", name_of(facts->disk));
	if (read_number(partition, "start", &root.first) < 0 ||
	    read_number(partition, "size", &root.count) < 0) {
		say("error: where %s lies on its disk is not known: its errors are not watched",
		    partition);
		return;
	}
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || loop_add(kmsg, read_records, gate) < 0)
		say("error: the kernel's log cannot be watched: %s", strerror(errno));
}
