#include "bootloader/rules.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
	ATTEMPTS_NEW = 2,     /* of a slot that a flip or a roll back makes primary */
	ATTEMPTS_SETTLED = 4, /* of a slot that has settled */
};

/* One event at work: the block as it was, and as it will be. */
struct change {
	const struct flip *was;
	const struct rules_facts *facts;
	enum flip_slot running, other;
	struct flip *block;
	const char *warning;
};

/* A condition: NULL where it is met, else the reason for the refusal. */
typedef const char *condition(const struct change *c);
typedef void effect(struct change *c);

static void at_least(struct change *c, enum flip_slot slot, uint8_t left)
{
	if (c->block->slots[slot].left < left)
		c->block->slots[slot].left = left;
}

bool rules_flip_pending(const struct flip *flip, enum flip_slot running)
{
	return flip->primary != running && flip->slots[flip->primary].left > 0;
}

/* ---- conditions ---- */

static const char *always(const struct change *c)
{
	(void)c;
	return NULL;
}

static const char *running_is_sound(const struct change *c)
{
	if (c->facts->condemned)
		return "the running slot was marked bad, or its root failed, in this boot; reboot "
		       "into the other slot first";
	if (c->facts->offline)
		return c->facts->running_verifies
			       ? NULL
			       : "the slot that this disk would boot does not verify";
	if (c->facts->gate_failed)
		return "the health gate has failed in this boot; `proa status` says why: reboot "
		       "when that is mended";
	if (!c->facts->gate_passed)
		return "the health gate has not passed in this boot; wait for it, and see "
		       "`proa status`";
	if (!c->facts->settled && !c->facts->person)
		return "the running slot has not settled in this boot; it does so 30 minutes after "
		       "its health gate passed";
	return NULL;
}

static const char *written_slot_verifies(const struct change *c)
{
	const char *reason = running_is_sound(c);

	if (reason)
		return reason;
	return c->facts->other_verifies ? NULL : "the other slot does not verify";
}

static const char *gate_speaks_first(const struct change *c)
{
	if (c->facts->condemned)
		return "the running slot was marked bad, or its root failed, in this boot";
	if (c->facts->offline)
		return "no slot of this disk runs";
	return c->facts->gate_passed ? "the health gate has already passed in this boot" : NULL;
}

static const char *gate_has_passed(const struct change *c)
{
	if (c->facts->condemned)
		return "the running slot was marked bad, or its root failed, in this boot";
	if (c->facts->offline)
		return "no slot of this disk runs";
	return c->facts->gate_passed ? NULL : "the health gate has not passed in this boot";
}

static const char *offline_is_sound(const struct change *c)
{
	if (c->facts->offline && !c->facts->running_verifies)
		return "the slot that this disk would boot does not verify";
	return NULL;
}

static const char *can_roll_back(const struct change *c)
{
	if (offline_is_sound(c))
		return offline_is_sound(c);
	if (rules_flip_pending(c->was, c->running))
		return "a flip to the other slot is pending already";
	return c->facts->other_verifies ? NULL : "the other slot does not verify";
}

static const char *is_pending(const struct change *c)
{
	if (offline_is_sound(c))
		return offline_is_sound(c);
	return rules_flip_pending(c->was, c->running) ? NULL : "no flip is pending";
}

static const char *other_is_good(const struct change *c)
{
	if (c->facts->offline)
		return "no slot of this disk runs";
	return c->was->slots[c->other].good ? NULL : "the other slot has never settled";
}

static const char *other_is_good_and_verifies(const struct change *c)
{
	if (!c->was->slots[c->other].good)
		return "the other slot has never settled";
	if (!c->facts->other_verifies)
		return "the other slot does not verify";
	return offline_is_sound(c);
}

static const char *person_before_gate(const struct change *c)
{
	if (!c->facts->person)
		return "only a person's reboot counts as impatience";
	if (c->facts->offline)
		return "no slot of this disk runs";
	return c->facts->gate_passed ? "the health gate has already passed in this boot" : NULL;
}

/* ---- effects ---- */

static void upgrade_begins(struct change *c)
{
	if (!c->was->slots[c->running].good)
		c->warning = "the running slot has never settled: if it fails, no other slot can "
			     "take over until the upgrade is done";
	c->block->primary = c->running;
	c->block->slots[c->other] = (struct flip_slot_state){.left = 0, .good = false};
	at_least(c, c->running, 1);
}

static void flips(struct change *c)
{
	c->block->primary = c->other;
	c->block->slots[c->other] = (struct flip_slot_state){.left = ATTEMPTS_NEW, .good = false};
	at_least(c, c->running, 1);
}

static void gate_passed(struct change *c)
{
	struct flip_slot_state *other = &c->block->slots[c->other];

	/* A flip that was ordered in an earlier boot and not tried yet stays ordered. */
	if (rules_flip_pending(c->was, c->running))
		return;
	if (c->was->primary == c->other && c->facts->fellback && other->good) {
		/* It was good for long: four bad boots may have been the power, not the slot. */
		other->good = false;
		other->left = 1;
		return;
	}
	c->block->primary = c->running;
}

static void settles(struct change *c)
{
	c->block->slots[c->running] =
		(struct flip_slot_state){.left = ATTEMPTS_SETTLED, .good = true};
	c->block->turn = c->running;
}

static void rolls_back(struct change *c)
{
	c->block->primary = c->other;
	c->block->slots[c->other].left = ATTEMPTS_NEW;
	at_least(c, c->running, 1);
}

/* One that has settled before stays there for a fall back; what is new is not to be tried. */
static void cancels(struct change *c)
{
	c->block->primary = c->running;
	if (!c->was->slots[c->other].good)
		c->block->slots[c->other].left = 0;
	at_least(c, c->running, 1);
}

static void marks_other_bad(struct change *c)
{
	c->block->primary = c->running;
	c->block->slots[c->other] = (struct flip_slot_state){.left = 0, .good = false};
	at_least(c, c->running, 1);
}

static void marks_running_bad(struct change *c)
{
	c->block->primary = c->other;
	c->block->slots[c->running] = (struct flip_slot_state){.left = 0, .good = false};
	at_least(c, c->other, ATTEMPTS_NEW);
}

static void root_fails(struct change *c)
{
	c->block->primary = c->other;
	c->block->slots[c->running].left = 0;
	at_least(c, c->other, ATTEMPTS_NEW);
}

static void impatience(struct change *c)
{
	if (c->block->slots[c->running].left < FLIP_LEFT_MAX)
		c->block->slots[c->running].left++;
}

/* DESIGN §3's table of events. */
static const struct {
	const char *name;
	condition *allowed;
	effect *write;
} events[RULES_EVENTS] = {
	[RULES_UPGRADE_BEGINS] = {"upgrade", running_is_sound, upgrade_begins},
	[RULES_FLIP] = {"flip", written_slot_verifies, flips},
	[RULES_GATE_PASSED] = {"gate passed", gate_speaks_first, gate_passed},
	[RULES_SETTLED] = {"settled", gate_has_passed, settles},
	[RULES_ROLL_BACK] = {"roll back", can_roll_back, rolls_back},
	[RULES_CANCEL] = {"cancel", is_pending, cancels},
	[RULES_MARK_OTHER_BAD] = {"mark the other slot bad", offline_is_sound, marks_other_bad},
	[RULES_MARK_RUNNING_BAD] = {"mark the running slot bad", other_is_good_and_verifies,
				    marks_running_bad},
	[RULES_ROOT_ERROR] = {"root error", other_is_good, root_fails},
	[RULES_IMPATIENT_REBOOT] = {"impatient reboot", person_before_gate, impatience},
	[RULES_REPAIR] = {"repair", always, NULL},
};

const char *rules_event_name(enum rules_event event)
{
	return event < RULES_EVENTS ? events[event].name : "unknown";
}

int rules_apply(enum rules_event event, const struct flip *flip, const struct rules_facts *facts,
		struct rules_outcome *out, struct error *err)
{
	struct flip block = *flip;
	struct change c = {
		.was = flip,
		.facts = facts,
		.running = facts->running,
		.other = flip_other(facts->running),
		.block = &block,
	};
	const char *reason;

	if (event >= RULES_EVENTS || !events[event].write)
		return error_set(err, -EINVAL, "the flip block knows no event %d", (int)event);
	reason = events[event].allowed(&c);
	if (reason)
		return error_set(err, -EPERM, "%s refused: %s", events[event].name, reason);
	events[event].write(&c);
	*out = (struct rules_outcome){
		.block = block,
		.changed = !flip_equal(flip, &block),
		.warning = c.warning,
	};
	return 0;
}

void rules_repair(const struct flip *block, const struct flip *mirror,
		  const struct rules_facts *facts, struct rules_outcome *out)
{
	enum flip_slot running = facts->running;
	struct flip repaired;

	if (block) {
		/* GRUB has counted this boot in it. */
		repaired = *block;
	} else if (mirror) {
		/* GRUB never writes the mirror: this boot's attempt is still in it. */
		repaired = *mirror;
		if (facts->lastresort)
			repaired.turn = flip_other(running);
		else if (repaired.slots[running].left > 0)
			repaired.slots[running].left--;
	} else {
		flip_init(&repaired);
		repaired.primary = running;
		for (int i = 0; i < 2; i++)
			repaired.slots[i] = (struct flip_slot_state){.left = 1, .good = false};
		repaired.turn = flip_other(running);
	}
	*out = (struct rules_outcome){.block = repaired, .changed = !block || !mirror};
}
