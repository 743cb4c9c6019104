#include "init/boot/find_root.h"

#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bootloader/flipio.h"
#include "init/boot/uevent.h"
#include "init/say.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

enum {
	DEADLINE_MS = 60 * 1000, /* from now; slow: USB, and disks that spin up one by one */
	SETTLE_MS = 3 * 1000,    /* without any new disk */
	/* GRUB has saved, so the disk is there: what looks like it, without the block, is a clone. */
	SAVED_SETTLE_MS = 30 * 1000,
	TELL_AFTER_MS = 10 * 1000,
};

enum find_answer find_choose(const struct candidate *candidates, size_t count, bool settled,
			     size_t *chosen)
{
	size_t holders = 0, holder = 0;

	for (size_t i = 0; i < count; i++) {
		if (candidates[i].holds_block) {
			holders++;
			holder = i;
		}
	}
	if (holders == 1) {
		*chosen = holder;
		return FIND_DECIDED;
	}
	if (count == 0 || !settled)
		return FIND_WAIT;
	if (count > 1)
		return FIND_UNDECIDED;
	*chosen = 0;
	return FIND_DECIDED;
}

/* Reads a small file of sysfs, without its line end. Returns its length or -errno. */
static ssize_t read_attribute(const char *path, char *out, size_t size)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = io_read_full(fd, out, size - 1);
	if (n < 0)
		return n;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return n;
}

static void load_for_attribute(struct modules *modules, const char *path)
{
	char modalias[UEVENT_SIZE];

	if (read_attribute(path, modalias, sizeof(modalias)) > 0)
		(void)modules_load_alias(modules, modalias);
}

/* Drivers for every device that is there already. */
static void cold_plug(struct modules *modules)
{
	_cleanup_dir_ DIR *buses = opendir("/sys/bus");
	struct dirent *bus, *device;
	char path[512];

	while (buses && (bus = readdir(buses))) {
		_cleanup_dir_ DIR *devices = NULL;

		if (bus->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/bus/%.200s/devices", bus->d_name);
		devices = opendir(path);
		while (devices && (device = readdir(devices))) {
			if (device->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "/sys/bus/%.150s/devices/%.200s/modalias",
				 bus->d_name, device->d_name);
			load_for_attribute(modules, path);
		}
	}
}

/* The kernel's nodes of the disk's partitions, by their numbers. */
static void list_partitions(const char *name, struct candidate *out)
{
	char path[512], number[16];
	struct dirent *entry;
	_cleanup_dir_ DIR *folder = NULL;

	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		long n;

		snprintf(path, sizeof(path), "/sys/class/block/%.100s/%.200s/partition", name,
			 entry->d_name);
		if (entry->d_name[0] == '.' || read_attribute(path, number, sizeof(number)) <= 0)
			continue;
		n = strtol(number, NULL, 10);
		if (n >= 1 && n <= LAYOUT_PARTITIONS)
			snprintf(out->partitions[n], FIND_NODE_SIZE, "/dev/%.40s", entry->d_name);
	}
}

/* Does the GPT of `path` give partition `number` this PARTUUID? */
static bool has_partition(const char *path, int number, const char *uuid)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	blkid_probe probe = fd >= 0 ? blkid_new_probe() : NULL;
	blkid_partlist list = NULL;
	bool found = false;

	if (!probe)
		return false;
	if (blkid_probe_set_device(probe, fd, 0, 0) == 0 &&
	    blkid_probe_enable_superblocks(probe, 0) == 0 &&
	    blkid_probe_enable_partitions(probe, 1) == 0)
		list = blkid_probe_get_partitions(probe);
	for (int i = 0; list && i < blkid_partlist_numof_partitions(list); i++) {
		blkid_partition partition = blkid_partlist_get_partition(list, i);
		const char *its = partition ? blkid_partition_get_uuid(partition) : NULL;

		if (its && strcasecmp(its, uuid) == 0 &&
		    blkid_partition_get_partno(partition) == number)
			found = true;
	}
	blkid_free_probe(probe);
	return found;
}

/* Whole disks of real hardware; the rest is made of them, or of memory. */
static bool is_disk(const char *name)
{
	static const char *const others[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"};
	char path[300], size[32];

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return false;
	}
	snprintf(path, sizeof(path), "/sys/class/block/%s/partition", name);
	if (access(path, F_OK) == 0)
		return false;
	snprintf(path, sizeof(path), "/sys/class/block/%s/size", name);
	return read_attribute(path, size, sizeof(size)) > 0 && strcmp(size, "0") != 0;
}

static bool holds_block(const char *flip_node, const struct flip *block)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state state;

	if (!*flip_node || flipio_open_read(&io, flip_node, 0, 0, NULL) < 0 ||
	    flipio_read(&io, &state, NULL) < 0)
		return false;
	/* The block alone: GRUB saved there, the mirror is older. */
	return state.block_whole && flip_equal(&state.block, block);
}

struct search {
	const struct cmdline *cmdline;
	bool saved; /* GRUB saved `block` to the disk */
	struct flip block;
	struct candidate found[FIND_DISKS_MAX];
	size_t found_count;
	size_t disks; /* seen at the last look, Proa's or not */
};

/* Looks at every disk anew. */
static void look(struct search *search)
{
	int number = search->cmdline->slot == 'a' ? LAYOUT_SLOT_A : LAYOUT_SLOT_B;
	_cleanup_dir_ DIR *folder = opendir("/sys/class/block");
	struct dirent *entry;

	search->found_count = 0;
	search->disks = 0;
	while (folder && (entry = readdir(folder))) {
		struct candidate *candidate = &search->found[search->found_count];

		if (entry->d_name[0] == '.' || strlen(entry->d_name) > 40 ||
		    !is_disk(entry->d_name))
			continue;
		search->disks++;
		if (search->found_count == FIND_DISKS_MAX)
			continue;
		memset(candidate, 0, sizeof(*candidate));
		snprintf(candidate->disk, sizeof(candidate->disk), "/dev/%.40s", entry->d_name);
		if (!has_partition(candidate->disk, number, search->cmdline->root))
			continue;
		list_partitions(entry->d_name, candidate);
		if (!*candidate->partitions[number])
			continue; /* the kernel has not read its table yet: an event will come */
		candidate->holds_block =
			search->saved &&
			holds_block(candidate->partitions[LAYOUT_FLIP], &search->block);
		search->found_count++;
	}
}

/*
 * Waits for events, loads drivers for new devices. Returns true where disks may
 * have come or gone.
 */
static bool wait_for_devices(int events, struct modules *modules, int timeout_ms)
{
	char buffer[UEVENT_SIZE + 1];
	struct pollfd ready = {.fd = events, .events = POLLIN};
	struct uevent event;
	bool disks = false;
	int r;

	if (poll(&ready, 1, timeout_ms) <= 0)
		return false;
	while ((r = uevent_next(events, buffer, &event)) > 0) {
		if (strcmp(event.action, "add") == 0 && *event.modalias)
			(void)modules_load_alias(modules, event.modalias);
		if (strcmp(event.subsystem, "block") == 0)
			disks = true;
	}
	if (r == -ENOBUFS) {
		cold_plug(modules);
		disks = true;
	}
	return disks;
}

static int not_found(const struct search *search, struct error *err)
{
	return error_set(err, -ENODEV,
			 "no disk has the partition %s of slot %c (%zu disks were looked at): is it "
			 "attached, and is there a driver for its controller?",
			 search->cmdline->root, search->cmdline->slot, search->disks);
}

static int undecided(const struct search *search, struct error *err)
{
	char names[128] = "";

	for (size_t i = 0; i < search->found_count; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, " %s", search->found[i].disk);
	}
	return error_set(err, -ENOTUNIQ,
			 "these disks are clones, and none alone holds the flip block that GRUB has "
			 "saved:%s; nothing was written to them; detach all but one",
			 names);
}

int find_root(const struct cmdline *cmdline, struct modules *modules, struct candidate *out,
	      struct error *err)
{
	static struct search search; /* 10 KiB */
	uint64_t start = console_now_ms(), changed = start;
	bool told = false, fresh = true;
	size_t chosen = 0;
	/* Before the cold plug, so that nothing that appears during it is missed. */
	_cleanup_fd_ int events = uevent_open(err);

	if (events < 0)
		return events;
	search.cmdline = cmdline;
	search.saved = !cmdline->unsaved && flip_from_text(cmdline->flip, &search.block) == 0;
	cold_plug(modules);

	for (;;) {
		uint64_t now;
		size_t before = search.disks;
		bool settled;

		if (fresh)
			look(&search);
		now = console_now_ms();
		if (search.disks != before)
			changed = now;
		settled = now - changed >= (search.saved ? SAVED_SETTLE_MS : SETTLE_MS);

		switch (find_choose(search.found, search.found_count, settled, &chosen)) {
		case FIND_DECIDED:
			*out = search.found[chosen];
			return 0;
		case FIND_UNDECIDED:
			return undecided(&search, err);
		case FIND_WAIT:
			break;
		}
		if (now - start >= DEADLINE_MS)
			return search.found_count ? undecided(&search, err) :
						    not_found(&search, err);
		if (!told && now - start >= TELL_AFTER_MS) {
			told = true;
			say("waiting for the disk with the partition %s of slot %c%s",
			    cmdline->root, cmdline->slot,
			    search.found_count ? " that GRUB has written to" : "");
		}
		fresh = wait_for_devices(events, modules, 500);
	}
}
