/*
 * fill-slot: fills the slot of a disk file that is not the running one, with
 * the installer's slot writer and the flip library's offline events, so that
 * everything about two slots is tested on real ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/flipio.h"
#include "lib/blockdev.h"
#include "lib/cleanup.h"
#include "lib/format/layout.h"
#include "lib/format/slot.h"
#include "lib/format/slot_write.h"
#include "lib/trust.h"

struct request {
	const char *disk, *slot, *bundle, *sector_size;
	struct option_list keys;
	bool no_flip;
	uint32_t sector_bytes;
};

static int parse(int argc, char **argv, struct request *q, struct error *err)
{
	const struct option options[] = {
		{0, "key", "FILE", OPTION_LIST, &q->keys, "trust this key (may be repeated)"},
		{0, "sector-size", "BYTES", OPTION_STRING, &q->sector_size, "512 or 4096"},
		{0, "no-flip", NULL, OPTION_FLAG, &q->no_flip,
		 "fill the slot, but leave the running one primary"},
		{0},
	};
	const struct option_usage usage = {
		.command = "fill-slot",
		.operands = "[OPTIONS] DISK SLOT BUNDLE",
		.summary = "Fills slot a or b of an installed disk file, and flips to it.",
	};
	const char *operands[3];
	size_t count = 0;
	int r = options_parse(argc, argv, options, operands, 3, &count, err);

	if (r == OPTIONS_HELP) {
		options_help(stdout, &usage, options);
		return r;
	}
	if (r == 0 && (count != 3 || (strcmp(operands[1], "a") && strcmp(operands[1], "b"))))
		r = error_set(err, -EINVAL, "usage: fill-slot [OPTIONS] DISK a|b BUNDLE");
	if (r < 0)
		return r;
	q->disk = operands[0];
	q->slot = operands[1];
	q->bundle = operands[2];
	q->sector_bytes = q->sector_size && strcmp(q->sector_size, "4096") == 0 ? 4096 : 512;
	return 0;
}

static int event(const struct request *q, uint64_t flip_offset, enum rules_event event_kind,
		 const struct rules_facts *facts, struct error *err)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	int r = flipio_open(&io, q->disk, flip_offset, q->sector_bytes, err);

	return r < 0 ? r : flipio_event(&io, event_kind, facts, NULL, err);
}

static int next_slot(const struct request *q, uint64_t flip_offset, enum flip_slot *slot,
		     struct error *err)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state state;
	int r = flipio_open_read(&io, q->disk, flip_offset, q->sector_bytes, err);

	if (r == 0)
		r = flipio_read(&io, &state, err);
	if (r == 0 && !state.block_whole && !state.mirror_whole)
		r = error_set(err, -EBADMSG, "neither flip block nor mirror is whole");
	if (r == 0)
		*slot = rules_next_slot(&state.block, &state.block);
	return r;
}

static int verify(int fd, const struct blockdev_partition *p, const struct trust *trust,
		  struct error *err)
{
	_cleanup_free_ struct slot *slot = calloc(1, sizeof(*slot));
	int r;

	if (!slot)
		return error_oom(err);
	r = slot_verify_descriptor(fd, p->offset, p->size, &trust->ring, slot, err);
	return r < 0 ? r : slot_verify_tree(fd, p->offset, slot, VERITY_CACHED, NULL, NULL, err);
}

static int fill(const struct request *q, struct error *err)
{
	static const enum layout_partition numbers[] = {LAYOUT_SLOT_A, LAYOUT_SLOT_B};
	enum flip_slot target = q->slot[0] == 'a' ? FLIP_SLOT_A : FLIP_SLOT_B;
	struct rules_facts facts = {.person = true, .offline = true};
	_cleanup_fd_ int fd = open(q->disk, O_RDWR | O_CLOEXEC);
	_cleanup_fd_ int bundle_fd = open(q->bundle, O_RDONLY | O_CLOEXEC);
	_cleanup_bundle_ struct bundle *bundle = NULL;
	struct blockdev_partition flip, to, from;
	struct trust trust;
	struct slot_writer slot;
	int r;

	if (fd < 0 || bundle_fd < 0)
		return error_errno(err, "cannot open %s", fd < 0 ? q->disk : q->bundle);
	r = trust_load(&q->keys, &trust, err);
	if (r == 0)
		r = bundle_open(bundle_fd, &trust.ring, &bundle, err);
	if (r == 0)
		r = blockdev_partition(fd, q->sector_bytes, LAYOUT_FLIP, &flip, err);
	if (r == 0)
		r = blockdev_partition(fd, q->sector_bytes, (int)numbers[target], &to, err);
	if (r == 0)
		r = blockdev_partition(fd, q->sector_bytes, (int)numbers[flip_other(target)], &from,
				       err);
	if (r == 0)
		r = next_slot(q, flip.offset, &facts.running, err);
	if (r == 0 && facts.running == target)
		r = error_set(err, -EPERM, "slot %s is the one that boots next", q->slot);
	if (r == 0)
		r = verify(fd, &from, &trust, err);
	if (r < 0)
		return r;

	facts.running_verifies = true;
	r = event(q, flip.offset, RULES_UPGRADE_BEGINS, &facts, err);
	if (r < 0)
		return r;
	slot = (struct slot_writer){.fd = fd,
				   .offset = to.offset,
				   .size = to.size,
				   .letter = q->slot[0],
				   .progress = stderr};
	r = slot_write_image(&slot, bundle, err);
	if (r == 0)
		r = slot_write_descriptor(&slot, bundle, trust.root_number, NULL, err);
	if (r < 0 || q->no_flip)
		return r;
	facts.other_verifies = true;
	return event(q, flip.offset, RULES_FLIP, &facts, err);
}

int main(int argc, char **argv)
{
	struct request request = {0};
	struct error err = ERROR_INIT;
	int r = parse(argc, argv, &request, &err);

	if (r == OPTIONS_HELP)
		return EXIT_DONE;
	if (r == 0)
		r = fill(&request, &err);
	if (r == 0)
		return EXIT_DONE;
	fprintf(stderr, "fill-slot: %s\n", err.message);
	return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
