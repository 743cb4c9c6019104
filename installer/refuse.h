/*
 * What `proa install` refuses, before it writes anything. Gathering the facts
 * and judging them are two things: the judging is pure, for a table of tests.
 */
#ifndef PROA_INSTALLER_REFUSE_H
#define PROA_INSTALLER_REFUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "installer/content.h"
#include "lib/blockdev.h"
#include "lib/inuse.h"
#include "lib/options.h"

/* Exit codes of `proa install` beside the common ones; proa-install(8) lists them. */
enum refuse_exit {
	REFUSE_NOT_PERMITTED = 10, /* a device needs root */
	REFUSE_NO_DISK = 11,
	REFUSE_NOT_A_DISK = 12, /* a partition, a folder, a terminal … */
	REFUSE_READ_ONLY = 13,
	REFUSE_TOO_SMALL = 14,
	REFUSE_IN_USE = 15,
	REFUSE_HOLDS_DATA = 16,
	REFUSE_ARCHITECTURE = 17,
	REFUSE_SIGNATURE = 18,
	REFUSE_DAMAGED_BUNDLE = 19,
	REFUSE_CLOUD_CONFIG = 20,
	REFUSE_NO_KEY = 21,
};

struct refuse_facts {
	const char *asked; /* the disk as the person named it */
	int probed;        /* blockdev_probe's answer */
	struct blockdev disk;
	int opened;  /* 0, or the negative errno of opening it for writing, alone */
	bool in_use; /* as inuse_find found */
	char use[INUSE_TEXT_SIZE];
	struct content content; /* what it holds, where it could be read */
};

/* A disk that is ours for the time being; -1 where not open. The caller closes both. */
struct refuse_hold {
	int fd;    /* for reading and writing, locked, which udev heeds */
	int guard; /* a device: open with O_EXCL, so that nothing mounts it; a file: -1 */
};

/* Opens the guard. Returns 0 or a negative errno; -EBUSY: the kernel or a mount holds it. */
int refuse_guard(const struct blockdev *disk, struct refuse_hold *hold);

/*
 * Looks at the disk, and takes hold of it where it can.
 *
 * Returns 0 where there is something to judge, else a negative errno.
 */
int refuse_gather(const char *path, uint32_t sector_bytes, struct refuse_facts *facts,
		  struct refuse_hold *hold, struct error *err);

/* Can the disk be installed on at all? Returns 0 or an exit code, with the reason and the way out.
 */
int refuse_disk(const struct refuse_facts *facts, struct error *err);

/* Would data be lost? Returns 0 or REFUSE_HOLDS_DATA. */
int refuse_data(const struct refuse_facts *facts, bool force, struct error *err);

/* The exit codes for what bundle_open, bundle_next and plan_make answer. */
int refuse_bundle_exit(int result);
int refuse_plan_exit(int result);

#endif
