#include "init/supervise/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bootloader/flipio.h"
#include "bootloader/rules.h"
#include "init/boot/verity_dm.h"
#include "init/hurry.h"
#include "init/record.h"
#include "init/say.h"
#include "init/supervise/history.h"
#include "init/supervise/loop.h"
#include "init/supervise/other_slot.h"
#include "init/supervise/pstore.h"
#include "init/supervise/stop.h"
#include "init/supervise/zram.h"
#include "lib/console.h"
#include "lib/epoch.h"
#include "lib/runtime.h"

enum {
	SETTLE_MS = 30 * 60 * 1000,
	WRITE_AGAIN_MS = 5 * 60 * 1000, /* after a write that failed */
	GRACE_MS = 5 * 60 * 1000, /* behind the time for the verdict: then nobody will speak */
	OTHER_SLOT_MS = 10 * 60 * 1000, /* to read the whole other slot after it */
	LASTRESORTS_MAX = 4, /* failed in a row; from the fifth on the machine stays up */
};

enum gate_reaction gate_decide(bool lastresort, unsigned int lastresorts_before,
			       bool other_verifies)
{
	if (lastresort)
		return lastresorts_before < LASTRESORTS_MAX ? GATE_REBOOT : GATE_STAY_DEGRADED;
	return other_verifies ? GATE_REBOOT : GATE_STAY_DEGRADED;
}

static enum flip_slot running(const struct gate *gate)
{
	return gate->facts->slot == 'a' ? FLIP_SLOT_A : FLIP_SLOT_B;
}

static struct rules_facts rules_facts(const struct gate *gate, bool person)
{
	return (struct rules_facts){
		.running = running(gate),
		.person = person,
		.gate_passed = gate->verdict == GATE_PASSED,
		.settled = gate->settled,
		.condemned = gate->condemned,
		.fellback = gate->facts->fellback,
		.lastresort = gate->facts->lastresort,
	};
}

/* One event on the disk. Returns 0, also where it needed no writing, or a negative errno. */
static int write_event(struct gate *gate, enum rules_event which, const struct rules_facts *facts,
		       struct error *err)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	int r = flipio_open(&io, gate->facts->flip, 0, 0, err);

	return r < 0 ? r : flipio_event(&io, which, facts, NULL, err);
}

/* The same, said where it fails. Returns whether it was written. */
static bool event(struct gate *gate, enum rules_event which, bool person)
{
	struct rules_facts facts = rules_facts(gate, person);
	struct error err = ERROR_INIT;
	int r = write_event(gate, which, &facts, &err);

	if (r < 0)
		say("error: flip block, %s: %s", rules_event_name(which), err.message);
	return r == 0;
}

static void save_facts(const struct gate *gate)
{
	struct error err = ERROR_INIT;

	if (facts_write(gate->facts, &err) < 0)
		say("error: %s", err.message);
}

void gate_start(struct gate *gate, struct facts *facts)
{
	struct rules_facts rules;
	struct rules_outcome outcome;
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state state;
	struct error err = ERROR_INIT;
	unsigned int repaired = 0;

	memset(gate, 0, sizeof(*gate));
	gate->facts = facts;
	rules = rules_facts(gate, false);
	if (flipio_open(&io, facts->flip, 0, 0, &err) < 0) {
		gate_degraded(gate, err.message); /* without it no attempt comes back */
		return;
	}
	/* Each by itself: a sector that cannot be mended must not hide that the slot is good. */
	if (flipio_repair_metadata(&io, &repaired, &err) < 0)
		gate_degraded(gate, err.message);
	else if (repaired > 0)
		say("repaired %u blocks of the file system on %s", repaired, facts->flip);
	if (flipio_event(&io, RULES_REPAIR, &rules, &outcome, &err) < 0)
		gate_degraded(gate, err.message);
	else if (outcome.changed)
		say("repaired the flip block");
	if (flipio_read(&io, &state, &err) < 0)
		gate_degraded(gate, err.message);
	else
		facts->good = state.block.slots[running(gate)].good;
}

/* Whatever becomes of the slot: nobody goes back below it. */
static void remember_epoch(const struct facts *facts)
{
	struct error err = ERROR_INIT;

	if (facts->t_state && epoch_remember(RUNTIME_EPOCH, facts->least_epoch, &err) < 0)
		say("error: %s", err.message);
}

static void settle(void *context)
{
	struct gate *gate = context;

	if (gate->verdict != GATE_PASSED || gate->settled || gate->condemned)
		return;
	if (!event(gate, RULES_SETTLED, false)) {
		(void)loop_after(WRITE_AGAIN_MS, settle, gate);
		return;
	}
	gate->settled = true;
	gate->facts->good = true;
	gate->facts->t_settled = console_now_ms();
	save_facts(gate);
	remember_epoch(gate->facts);
	record_stage(BOOTLOG_SETTLED);
	say("settled");
}

static void write_passed(void *context)
{
	struct gate *gate = context;

	if (!gate->condemned && !gate->settled && !event(gate, RULES_GATE_PASSED, false))
		(void)loop_after(WRITE_AGAIN_MS, write_passed, gate);
}

void gate_passed(struct gate *gate)
{
	if (gate->verdict != GATE_WAITING)
		return;
	write_passed(gate);
	gate->verdict = GATE_PASSED;
	gate->facts->t_gate = console_now_ms();
	save_facts(gate);
	record_stage(BOOTLOG_GATE);
	say("health gate passed");
	hurry_end();
	zram_start();
	(void)loop_after(SETTLE_MS, settle, gate);
	history_harvest(gate->facts);
	pstore_harvest();
}

static void degrade(struct gate *gate, const char *reason)
{
	if (strcmp(gate->degraded, reason) == 0)
		return;
	snprintf(gate->degraded, sizeof(gate->degraded), "%s", reason);
	say("degraded: %s", gate->degraded);
	record_degraded(gate->degraded);
}

void gate_degraded(struct gate *gate, const char *reason)
{
	gate->own_reason = true;
	degrade(gate, reason);
}

void gate_told(struct gate *gate, const char *reason)
{
	if (!gate->own_reason)
		degrade(gate, reason);
	else
		say("degraded: %s", reason);
}

void gate_stay(struct gate *gate, const char *reason)
{
	gate->verdict = GATE_FAILED;
	gate->stays = true;
	hurry_end();
	gate_degraded(gate, reason);
	if (!gate->facts->t_state)
		return; /* what is harvested would go into memory, and be lost */
	history_harvest(gate->facts);
	pstore_harvest();
}

static char failure[256];

void gate_record_failure(void)
{
	(void)record_end(BOOTLOG_FAILED, failure);
}

static void react(struct gate *gate, bool other_verifies)
{
	unsigned int before = history_failed_lastresorts(gate->facts);

	/* What neither GRUB nor we can count must not be repeated: it would be for ever. */
	if (gate_decide(gate->facts->lastresort, before, other_verifies) == GATE_REBOOT &&
	    (record_end(BOOTLOG_FAILED, failure) || !gate->facts->unsaved)) {
		stop_request(STOP_REBOOT, false);
		return;
	}
	gate_stay(gate, failure);
}

static void other_slot_known(void *context, bool verifies)
{
	react(context, verifies);
}

void gate_failed(struct gate *gate, const char *reason)
{
	if (gate->verdict != GATE_WAITING) {
		gate_told(gate, reason);
		return;
	}
	gate->verdict = GATE_FAILED;
	hurry_end();
	snprintf(failure, sizeof(failure), "%s", reason);
	say("error: health gate failed: %s", failure);
	if (gate->facts->lastresort)
		react(gate, false); /* the other slot's state does not matter then */
	else
		other_slot_verify(gate->facts, other_slot_known, gate);
}

static void no_verdict(void *context)
{
	struct gate *gate = context;

	if (gate->verdict == GATE_WAITING)
		gate_failed(gate, "the service manager gave no verdict");
}

void gate_expect(struct gate *gate, unsigned int seconds)
{
	uint64_t now = console_now_ms(), until;

	if (gate->verdict != GATE_WAITING)
		return;
	if (!gate->expected_ms)
		gate->expected_ms = now;
	until = gate->expected_ms + (uint64_t)seconds * 1000 + GRACE_MS;
	(void)loop_after(until > now ? until - now : 0, no_verdict, gate);
	gate->deadline_ms = until + OTHER_SLOT_MS;
}

bool gate_overdue(const struct gate *gate, uint64_t now_ms)
{
	return gate->deadline_ms && now_ms > gate->deadline_ms && gate->verdict != GATE_PASSED &&
	       !gate->stays;
}

static bool other_boots_next(const struct gate *gate)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state state;

	return flipio_open_read(&io, gate->facts->flip, 0, 0, NULL) == 0 &&
	       flipio_read(&io, &state, NULL) == 0 &&
	       rules_flip_pending(&state.block, running(gate));
}

static void leave_root(void *context)
{
	struct gate *gate = context;
	struct rules_facts facts = rules_facts(gate, false);
	struct error err = ERROR_INIT;
	const char *and = "";
	char reason[sizeof(gate->degraded)];
	int r = write_event(gate, RULES_ROOT_ERROR, &facts, &err);

	/* Refused: the other slot is not good, so this one goes on, and can be upgraded from. */
	gate->condemned = r != -EPERM;
	if (r == -EPERM)
		and = other_boots_next(gate)
			      ? "; the other slot, just written, boots next: sudo proa reboot"
			      : ", and there is no good one to go to: sudo proa upgrade";
	else if (r < 0)
		and = "; that the other one boots next could not be written yet";
	if (r < 0)
		say("error: flip block, %s: %s", rules_event_name(RULES_ROOT_ERROR), err.message);
	snprintf(reason, sizeof(reason), "%s in slot %c%s", gate->root_failed, gate->facts->slot,
		 and);
	gate_degraded(gate, reason);
	/* A disk that cannot be read may take no writes for the moment either. */
	gate->root_unwritten = r < 0 && r != -EPERM;
	if (gate->root_unwritten)
		(void)loop_after(WRITE_AGAIN_MS, leave_root, gate);
}

void gate_leave(struct gate *gate)
{
	if (gate->root_unwritten)
		leave_root(gate);
	if (gate->verdict == GATE_PASSED)
		settle(gate);
	else if (gate->verdict == GATE_WAITING && !gate->condemned && !gate->facts->lastresort &&
		 !gate->facts->unsaved) /* there no attempt was taken that could be given back */
		(void)event(gate, RULES_IMPATIENT_REBOOT, true);
}

void gate_root_failed(struct gate *gate, const char *what)
{
	if (gate->condemned || gate->root_failed)
		return;
	gate->root_failed = what;
	leave_root(gate);
}

void gate_watch_root(struct gate *gate)
{
	if (!gate->condemned && !gate->root_failed && verity_dm_corrupt(VERITY_DM_ROOT) == 1)
		gate_root_failed(gate, "dm-verity met a corrupt block");
}

int gate_mark_bad(struct gate *gate, struct error *err)
{
	struct rules_facts facts = rules_facts(gate, true);
	char reason[64];
	int r;

	facts.other_verifies = true;
	r = write_event(gate, RULES_MARK_RUNNING_BAD, &facts, err);
	if (r < 0)
		return r;
	snprintf(reason, sizeof(reason), "slot %c was marked bad; a reboot leaves it",
		 gate->facts->slot);
	gate->condemned = true;
	gate_degraded(gate, reason);
	return 0;
}
