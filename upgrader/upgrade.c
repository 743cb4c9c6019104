#include "upgrader/upgrade.h"

#include <errno.h>

#include "lib/epoch.h"
#include "lib/format/layout.h"
#include "lib/format/slot_write.h"
#include "lib/runtime.h"

/* The running slot was checked when it booted; of another disk's nobody knows. */
static int check_running(struct upgrade *upgrade, struct error *err)
{
	struct target *target = upgrade->target;
	enum flip_slot running = target->facts.running;
	int r = target_read_slot(target, running, &upgrade->running, err);

	if (r == 0 && target->facts.offline)
		r = target_check_slot(target, running, &upgrade->running, upgrade->progress, err);
	if (r < 0)
		return error_wrap(err, r == -ENOMEM ? r : -EUCLEAN, "slot %c, which %s",
				  flip_letter(running),
				  target->facts.offline ? "this disk would boot" : "runs");
	target->facts.running_verifies = true;
	return 0;
}

/*
 * Root documents were verified one by the other, whoever held them. A release that was only tried,
 * and failed, is no measure: its epoch may be a mistake; a machine that runs remembers it of what
 * has settled. A person who trusts bare keys turns to another publisher, perhaps, whose root
 * documents begin at 1.
 */
static void learn_least(struct upgrade *upgrade)
{
	const struct target *target = upgrade->target;
	uint64_t seen = target_root_seen(target), known = target->trust.root.number;

	upgrade->root_number = known > 0 && seen > known ? seen : known;
	upgrade->least_epoch = upgrade->running.descriptor.least_epoch;
	if (upgrade->other_is_slot && target->other_good &&
	    upgrade->other.descriptor.least_epoch > upgrade->least_epoch)
		upgrade->least_epoch = upgrade->other.descriptor.least_epoch;
	if (!target->facts.offline && epoch_seen(RUNTIME_EPOCH) > upgrade->least_epoch)
		upgrade->least_epoch = epoch_seen(RUNTIME_EPOCH);
}

int upgrade_plan(struct upgrade *upgrade, struct error *err)
{
	struct target *target = upgrade->target;
	const struct target_slot *place = &target->slots[target_other(target)];
	struct rules_outcome outcome;
	struct decide_facts facts;
	int r = check_running(upgrade, err);

	if (r < 0)
		return r;
	upgrade->other_is_slot =
		target_read_slot(target, target_other(target), &upgrade->other, NULL) == 0;
	learn_least(upgrade);
	facts = (struct decide_facts){
		.running = &upgrade->running.manifest,
		.least_epoch = upgrade->least_epoch,
		.other = upgrade->other_is_slot ? &upgrade->other.manifest : NULL,
		.pending = target->pending,
		.older_too = upgrade->older_too,
		.record = upgrade->record,
		.boot = target->boot,
		.room_bytes = place->size > LAYOUT_DESCRIPTOR_BYTES
				      ? place->size - LAYOUT_DESCRIPTOR_BYTES
				      : 0,
	};
	r = decide_release(&bundle_head(upgrade->bundle)->manifest, &facts, &upgrade->answer, err);
	if (r < 0 || upgrade->answer == DECIDE_RUNS || upgrade->answer == DECIDE_PENDING)
		return r;
	/* What is written may be flipped to: both ask for the same of the running slot. */
	r = target_may(target, RULES_UPGRADE_BEGINS, &outcome, err);
	if (r < 0)
		return r;
	if (upgrade->answer == DECIDE_WRITE)
		upgrade->warning = outcome.warning;
	return 0;
}

static struct slot_writer writer_of(const struct upgrade *upgrade)
{
	const struct target *target = upgrade->target;
	enum flip_slot other = target_other(target);

	return (struct slot_writer){
		.fd = target->slots[other].fd,
		.offset = target->slots[other].offset,
		.size = target->slots[other].size,
		.letter = flip_letter(other),
		.progress = upgrade->progress,
	};
}

/* What the running slot has need not come over the network. */
static int look_through(struct upgrade *upgrade, struct error *err)
{
	const struct target *target = upgrade->target;
	const struct target_slot *from = &target->slots[target->facts.running];

	upgrade->apply = (struct apply){
		.to = writer_of(upgrade),
		.from_fd = from->fd,
		.from_offset = from->offset,
		.from_size = upgrade->running.manifest.image_size,
		.head = bundle_head(upgrade->bundle),
		.data_offset = bundle_data_offset(upgrade->bundle),
		.fetch = upgrade->fetch,
		.progress = upgrade->progress,
	};
	return apply_prepare(&upgrade->apply, &upgrade->work, err);
}

int upgrade_begin(struct upgrade *upgrade, struct error *err)
{
	int r = upgrade->fetch ? look_through(upgrade, err) : 0;

	return r < 0 ? r : target_event(upgrade->target, RULES_UPGRADE_BEGINS, NULL, err);
}

static int write_by_chunks(struct upgrade *upgrade, const struct slot_writer *writer,
			   struct error *err)
{
	const struct manifest *manifest = &bundle_head(upgrade->bundle)->manifest;
	int r = slot_write_begin(writer, manifest, err);

	if (r == 0)
		r = apply_run(upgrade->work, err);
	upgrade->reused += upgrade->apply.reused;
	upgrade->fetched += upgrade->apply.fetched;
	return r < 0 ? r : slot_read_back(writer, manifest, err);
}

int upgrade_write(struct upgrade *upgrade, struct error *err)
{
	const struct slot_writer writer = writer_of(upgrade);
	int r = upgrade->work ? write_by_chunks(upgrade, &writer, err)
			      : slot_write_image(&writer, upgrade->bundle, err);

	if (r == 0)
		r = slot_write_descriptor(&writer, upgrade->bundle, upgrade->root_number,
					  upgrade->least_epoch, err);
	if (r < 0)
		return r;
	upgrade->target->facts.other_verifies = true;
	return 0;
}

int upgrade_check(struct upgrade *upgrade, struct error *err)
{
	struct target *target = upgrade->target;
	enum flip_slot other = target_other(target);
	int r = target_read_slot(target, other, &upgrade->other, err);

	/* What was written just now was read back then. */
	if (r == 0 && !target->facts.other_verifies)
		r = target_check_slot(target, other, &upgrade->other, upgrade->progress, err);
	if (r < 0)
		return error_wrap(err, r, "slot %c", flip_letter(other));
	target->facts.other_verifies = true;
	return 0;
}

int upgrade_flip(struct upgrade *upgrade, struct error *err)
{
	int r = upgrade_check(upgrade, err);

	return r < 0 ? r : target_event(upgrade->target, RULES_FLIP, NULL, err);
}

void upgrade_end(struct upgrade *upgrade)
{
	apply_end(upgrade->work);
}
