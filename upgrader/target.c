#include "upgrader/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/blockdev.h"
#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/format/layout.h"
#include "lib/inuse.h"
#include "lib/progress.h"
#include "lib/request.h"

static int read_block(const struct target *target, struct flip *out, struct error *err)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state state;
	int r = flipio_open_read(&io, target->flip_path, target->flip_offset, target->sector_bytes,
				 err);

	if (r == 0)
		r = flipio_read(&io, &state, err);
	if (r < 0)
		return r;
	if (!state.block_whole && !state.mirror_whole)
		return error_set(err, -EBADMSG,
				 "neither the flip block of %s nor its mirror is whole; a boot of "
				 "the disk mends them",
				 target->disk);
	*out = state.block;
	return 0;
}

/* ---- this machine ---- */

static int open_node(const struct fields *boot, const char *key, bool writes,
		     struct target_slot *slot, struct error *err)
{
	const char *node = fields_get(boot, key);
	off_t size;

	if (!node || !*node)
		return error_set(err, -ENODATA, "this boot's record names no %s", key);
	slot->fd = open(node, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (slot->fd < 0 && errno == EACCES)
		return error_set(err, -EACCES, "only root may do this; use sudo");
	size = slot->fd < 0 ? -1 : lseek(slot->fd, 0, SEEK_END);
	if (size < 0)
		return error_errno(err, "cannot open %s", node);
	slot->offset = 0;
	slot->size = (uint64_t)size;
	return 0;
}

static bool is_one(const struct fields *fields, const char *key)
{
	return fields_get_number(fields, key, 0) == 1;
}

/* Where this boot stands now. */
static int ask_pid1(struct target *target, struct error *err)
{
	_cleanup_fields_ struct fields pid1 = {0};
	const char *gate;
	int r = request_status(target->init_socket, &pid1, err);

	if (r < 0)
		return r;
	gate = fields_get(&pid1, "gate");
	target->facts.gate_passed = gate && strcmp(gate, "passed") == 0;
	target->facts.gate_failed = gate && strcmp(gate, "failed") == 0;
	target->facts.settled = is_one(&pid1, "settled");
	target->facts.condemned = is_one(&pid1, "condemned");
	return 0;
}

static int open_running(const struct target_request *request, struct target *target,
			struct error *err)
{
	_cleanup_fields_ struct fields boot = {0};
	const char *slot, *flip, *disk;
	int r = fields_read(request->boot, &boot, err);

	if (r == -ENOENT)
		return error_set(err, r,
				 "this machine does not run Proa (there is no %s); --disk names "
				 "another machine's disk",
				 request->boot);
	if (r < 0)
		return r;
	slot = fields_get(&boot, "slot");
	flip = fields_get(&boot, "flip");
	disk = fields_get(&boot, "disk");
	if (!slot || !flip || !disk)
		return error_set(err, -ENODATA, "%s names no slot, flip block or disk",
				 request->boot);
	snprintf(target->disk, sizeof(target->disk), "%s", disk);
	snprintf(target->flip_path, sizeof(target->flip_path), "%s", flip);
	target->facts.running = slot[0] == 'b' ? FLIP_SLOT_B : FLIP_SLOT_A;
	target->facts.fellback = is_one(&boot, "fellback");
	target->facts.lastresort = is_one(&boot, "lastresort");
	target->boot = fields_get_number(&boot, "boot", 0);
	/* Of the running slot nothing is ever written but by PID 1. */
	r = open_node(&boot, "slot_a", request->writes && target->facts.running != FLIP_SLOT_A,
		      &target->slots[FLIP_SLOT_A], err);
	if (r == 0)
		r = open_node(&boot, "slot_b",
			      request->writes && target->facts.running != FLIP_SLOT_B,
			      &target->slots[FLIP_SLOT_B], err);
	target->init_socket = request->init_socket;
	if (r == 0)
		r = ask_pid1(target, err);
	if (r < 0)
		return r;
	target->lock = target->slots[target_other(target)].fd;
	return 0;
}

/* ---- another machine's disk ---- */

static int find_partition(const struct target *target, enum layout_partition number,
			  const char *label, struct blockdev_partition *out, struct error *err)
{
	int r = blockdev_partition(target->fd, target->sector_bytes, (int)number, out, err);

	if (r == 0 && strcmp(out->label, label) != 0)
		r = error_set(err, -ENODATA, "partition %d is \"%s\" and not %s", (int)number,
			      out->label, label);
	return r;
}

static int find_partitions(struct target *target, struct error *err)
{
	struct blockdev_partition flip, a, b;
	int r = find_partition(target, LAYOUT_FLIP, LAYOUT_LABEL_FLIP, &flip, err);

	if (r == 0)
		r = find_partition(target, LAYOUT_SLOT_A, LAYOUT_LABEL_SLOT_A, &a, err);
	if (r == 0)
		r = find_partition(target, LAYOUT_SLOT_B, LAYOUT_LABEL_SLOT_B, &b, err);
	if (r < 0)
		return r;
	target->flip_offset = flip.offset;
	target->slots[FLIP_SLOT_A] =
		(struct target_slot){.fd = target->fd, .offset = a.offset, .size = a.size};
	target->slots[FLIP_SLOT_B] =
		(struct target_slot){.fd = target->fd, .offset = b.offset, .size = b.size};
	return 0;
}

static int open_disk(const struct target_request *request, const struct blockdev *disk,
		     struct target *target, struct error *err)
{
	char use[INUSE_TEXT_SIZE];
	int r;

	target->fd = open(disk->path, (request->writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (target->fd < 0)
		return error_errno(err, "cannot open %s", request->disk);
	if (!request->writes)
		return 0;
	r = inuse_find(disk, target->fd, use, err);
	if (r > 0)
		r = error_set(err, -EBUSY, "%s is in use: %s", request->disk, use);
	if (r < 0 || disk->is_file)
		return r;
	/* open(2): on a device, O_EXCL without O_CREAT fails where it is in use. */
	target->guard = open(disk->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	return target->guard < 0 ? error_errno(err, "cannot have %s alone", request->disk) : 0;
}

static int open_other(const struct target_request *request, struct target *target,
		      struct error *err)
{
	struct blockdev disk;
	int r = blockdev_probe(request->disk, &disk, err);

	if (r < 0)
		return r;
	if (disk.part_of[0])
		return error_set(err, -ENOTBLK, "%s is a part of %s; name the whole disk",
				 request->disk, disk.part_of);
	snprintf(target->disk, sizeof(target->disk), "%s", request->disk);
	snprintf(target->flip_path, sizeof(target->flip_path), "%s", disk.path);
	target->facts.offline = true;
	r = open_disk(request, &disk, target, err);
	if (r < 0)
		return r;
	target->lock = target->fd;
	/* A file cannot say how long its sectors are: its GPT is where they put it. */
	target->sector_bytes = disk.is_file ? 4096 : 0;
	r = disk.is_file ? find_partitions(target, NULL) : -ENODATA;
	if (r == -ENODATA) {
		target->sector_bytes = disk.is_file ? 512 : 0;
		r = find_partitions(target, err);
	}
	return r < 0 ? error_wrap(err, r, "%s is no disk of Proa", request->disk) : 0;
}

/* ---- both ---- */

/* Held until the descriptor is closed; flip block writers take another kind of lock (flock). */
static int take_lock(const struct target *target, struct error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(target->lock, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return error_set(err, -EBUSY,
				 "another program changes the slots of %s; wait for its end",
				 target->disk);
	return error_errno(err, "cannot lock the slots of %s", target->disk);
}

int target_open(const struct target_request *request, struct target *out, struct error *err)
{
	struct flip block;
	int r;

	*out = (struct target)TARGET_INIT;
	out->facts.person = true;
	r = request->disk ? open_other(request, out, err) : open_running(request, out, err);
	if (r == 0)
		r = trust_load(&request->keys, &out->trust, err);
	if (r == 0 && request->writes)
		r = take_lock(out, err);
	if (r == 0)
		r = read_block(out, &block, err);
	if (r < 0)
		return r;
	if (out->facts.offline)
		out->facts.running = rules_next_slot(&block, &block);
	out->pending = rules_flip_pending(&block, out->facts.running);
	out->other_good = block.slots[target_other(out)].good;
	return 0;
}

void target_close(struct target *target)
{
	for (int i = 0; i < 2; i++)
		if (target->slots[i].fd >= 0 && target->slots[i].fd != target->fd)
			close(target->slots[i].fd);
	cleanup_fd(&target->guard);
	cleanup_fd(&target->fd);
}

int target_read_slot(const struct target *target, enum flip_slot which, struct slot *out,
		     struct error *err)
{
	const struct target_slot *slot = &target->slots[which];

	/* The key that is told is one that is in force, where several have signed. */
	if (slot_verify_descriptor(slot->fd, slot->offset, slot->size, &target->trust.ring, out,
				   NULL) == 0)
		return 0;
	/* What was written when a key counted boots on without it. */
	return slot_verify_descriptor(slot->fd, slot->offset, slot->size, &target->trust.former,
				      out, err);
}

/*
 * By whatever key: one that is known only from a document that is held back now must not make it
 * unseen. The installer has zeroed what an earlier installation left there.
 */
uint64_t target_root_seen(const struct target *target)
{
	struct descriptor descriptor;
	uint64_t highest = 0;

	for (int i = 0; i < 2; i++) {
		const struct target_slot *slot = &target->slots[i];

		if (descriptor_read(slot->fd, slot->offset, slot->size, &descriptor, NULL) == 0 &&
		    descriptor.root_number > highest)
			highest = descriptor.root_number;
	}
	return highest;
}

static int checked(void *context, uint64_t done, uint64_t total)
{
	(void)total;
	progress_update(context, done);
	return 0;
}

int target_check_slot(const struct target *target, enum flip_slot which, const struct slot *slot,
		      struct progress_to to, struct error *err)
{
	struct progress progress;
	int r;

	progress_start(&progress, to, PROGRESS_CHECK, flip_letter(which), slot->manifest.fs_size);
	r = slot_verify_tree(target->slots[which].fd, target->slots[which].offset, slot,
			     VERITY_PAST_CACHE, checked, &progress, err);
	progress_end(&progress);
	return r;
}

int target_may(const struct target *target, enum rules_event event, struct rules_outcome *out,
	       struct error *err)
{
	struct flip block;
	int r = read_block(target, &block, err);

	return r < 0 ? r : rules_apply(event, &block, &target->facts, out, err);
}

int target_event(struct target *target, enum rules_event event, struct rules_outcome *out,
		 struct error *err)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	int r = flipio_open(&io, target->flip_path, target->flip_offset, target->sector_bytes, err);

	/* Where PID 1 waits for that lock itself, it does not answer, and nothing is written. */
	if (r == 0 && target->init_socket)
		r = ask_pid1(target, err);
	return r < 0 ? r : flipio_event(&io, event, &target->facts, out, err);
}
