/*
 * Every state that a machine can get into by the rules of the flip block:
 * boots, power cuts between any two writes, upgrades of every quality, rot,
 * damaged blocks, failing saves, a person's commands. In all of them:
 *
 *   - with a healthy slot, the machine is in one within 6 boots
 *   - a flip that was reported stands until GRUB has tried it or somebody takes it back
 *   - no unattended step erases a slot while the running one is not healthy
 *   - what boots where nothing can be saved visits every slot that can be read
 *
 * The transitions call rules.c and choose.c themselves: nothing is restated here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bootloader/rules.h"

enum { BOOTS_MAX = 6 };

/* What a slot does when it is booted. */
enum kind {
	HEALTHY,
	BAD,        /* whole, but never passes its gate */
	CRASHING,   /* passes its gate, never settles */
	ROTTEN,     /* kernel and initramfs can be read, the root does not verify */
	UNREADABLE, /* half written, or its kernel has rotted */
	KINDS,
};

enum { FLIPS = 2 * 10 * 10 * 2 * 2 * 2, DAMAGED = FLIPS };

struct state {
	uint16_t block, mirror; /* a flip's number, or DAMAGED */
	uint8_t kinds[2];
	bool reported; /* a flip was reported, and neither tried nor taken back */
	bool up;       /* a slot runs; what follows says which, and what it has done */
	uint8_t running;
	bool gate, settled, condemned, fellback, lastresort, counted;
};

/* ---- numbers for flips and states ---- */

static uint16_t number_of(const struct flip *flip)
{
	unsigned int n = flip->primary;

	n = n * 10 + flip->slots[0].left;
	n = n * 10 + flip->slots[1].left;
	n = n * 2 + flip->slots[0].good;
	n = n * 2 + flip->slots[1].good;
	return (uint16_t)(n * 2 + flip->turn);
}

static const struct flip *flip_numbered(uint16_t n)
{
	static struct flip flips[FLIPS];
	static bool filled;

	for (unsigned int i = 0; !filled && i < FLIPS; i++) {
		flips[i] = (struct flip){
			.primary = i / 800 ? FLIP_SLOT_B : FLIP_SLOT_A,
			.slots = {{.left = (uint8_t)(i / 80 % 10), .good = i / 4 % 2},
				  {.left = (uint8_t)(i / 8 % 10), .good = i / 2 % 2}},
			.turn = i % 2 ? FLIP_SLOT_B : FLIP_SLOT_A,
			.tok = "000000",
		};
	}
	filled = true;
	return n == DAMAGED ? NULL : &flips[n];
}

static uint64_t key_of(const struct state *s)
{
	uint64_t key = 1; /* never 0 */

	key = key << 11 | s->block;
	key = key << 11 | s->mirror;
	key = key << 3 | s->kinds[0];
	key = key << 3 | s->kinds[1];
	key = key << 1 | s->reported;
	if (!s->up)
		return key << 8 | 0x80;
	key = key << 1;
	key = key << 1 | s->running;
	key = key << 1 | s->gate;
	key = key << 1 | s->settled;
	key = key << 1 | s->condemned;
	key = key << 1 | s->fellback;
	key = key << 1 | s->lastresort;
	return key << 1 | s->counted;
}

/* ---- the states found so far, which is also the list of those to look at ---- */

static struct state *found;
static size_t found_count, found_room;
static uint64_t *table; /* keys, 0: free */
static size_t table_size;

static bool table_add(uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table_size - 1);

	for (; table[at]; at = (at + 1) & (table_size - 1)) {
		if (table[at] == key)
			return false;
	}
	table[at] = key;
	return true;
}

static void table_grow(void)
{
	free(table);
	table_size = table_size ? table_size * 2 : 1 << 16;
	table = calloc(table_size, sizeof(*table));
	assert_non_null(table);
	for (size_t i = 0; i < found_count; i++)
		table_add(key_of(&found[i]));
}

static void add(struct state s)
{
	if (!s.up) {
		/* What only a running slot knows is gone. */
		s = (struct state){.block = s.block,
				   .mirror = s.mirror,
				   .kinds = {s.kinds[0], s.kinds[1]},
				   .reported = s.reported};
	}
	if (2 * (found_count + 1) > table_size)
		table_grow();
	if (!table_add(key_of(&s)))
		return;
	if (found_count == found_room) {
		found_room = found_room ? found_room * 2 : 1024;
		found = realloc(found, found_room * sizeof(*found));
		assert_non_null(found);
	}
	found[found_count++] = s;
}

static void power_cut(struct state s)
{
	s.up = false;
	add(s);
}

static void fail_state(const struct state *s, const char *what)
{
	char block[FLIP_TEXT_SIZE] = "damaged", mirror[FLIP_TEXT_SIZE] = "damaged";

	if (s->block != DAMAGED)
		flip_text(flip_numbered(s->block), block);
	if (s->mirror != DAMAGED)
		flip_text(flip_numbered(s->mirror), mirror);
	fail_msg("%s: block %s, mirror %s, slots of kind %d and %d, %s %d, gate %d settled %d",
		 what, block, mirror, s->kinds[0], s->kinds[1], s->up ? "running" : "off",
		 s->running, s->gate, s->settled);
}

/* ---- booting ---- */

static struct rules_choice choose(const struct state *s, bool saves, unsigned int second)
{
	struct rules_choice choice;
	struct rules_boot boot = {
		.block = flip_numbered(s->block),
		.mirror = flip_numbered(s->mirror),
		.saves = saves,
		.readable = {s->kinds[0] != UNREADABLE, s->kinds[1] != UNREADABLE},
		.clock = true,
	};

	snprintf(boot.tok, sizeof(boot.tok), "0000%02u", second % 60);
	rules_grub_choose(&boot, &choice);
	return choice;
}

static struct rules_facts facts_of(const struct state *s, bool person)
{
	uint8_t other = s->kinds[1 - s->running];

	return (struct rules_facts){
		.running = s->running ? FLIP_SLOT_B : FLIP_SLOT_A,
		.person = person,
		.gate_passed = s->gate,
		.settled = s->settled,
		.condemned = s->condemned,
		.fellback = s->fellback,
		.lastresort = s->lastresort,
		.other_verifies = other == HEALTHY || other == BAD || other == CRASHING,
	};
}

/* GRUB has decided: the state in which the chosen slot's PID 1 starts. */
static struct state booted(const struct state *s, const struct rules_choice *choice)
{
	struct state next = *s;

	if (choice->known && !choice->unsaved)
		next.block = number_of(&choice->block);
	if (choice->known && (choice->slot == choice->block.primary ||
			      s->kinds[choice->block.primary] == UNREADABLE))
		next.reported = false; /* the primary was tried */
	next.up = true;
	next.running = (uint8_t)choice->slot;
	next.gate = next.settled = next.condemned = false;
	next.fellback = choice->fellback;
	next.lastresort = choice->lastresort;
	next.counted = !choice->unsaved && !choice->lastresort;
	return next;
}

static struct state repaired(const struct state *s)
{
	struct rules_facts facts = facts_of(s, false);
	struct rules_outcome outcome;
	struct state next = *s;

	rules_repair(flip_numbered(s->block), flip_numbered(s->mirror), &facts, &outcome);
	if (outcome.changed) {
		if (s->block == DAMAGED && s->mirror == DAMAGED)
			next.reported = false;
		next.block = next.mirror = number_of(&outcome.block);
	}
	return next;
}

static void boot(const struct state *s, bool saves, unsigned int second)
{
	struct rules_choice choice = choose(s, saves, second);
	struct state next;

	if (choice.reboots)
		return;
	next = booted(s, &choice);
	power_cut(next); /* before PID 1, or a slot that never gets that far */
	next = repaired(&next);
	power_cut(next);
	if (next.kinds[next.running] == HEALTHY || next.kinds[next.running] == CRASHING)
		add(next);
}

static void every_boot(const struct state *s)
{
	boot(s, true, 0);
	for (unsigned int second = 0; second < 4; second++) {
		boot(s, false, second);
		if (s->block == DAMAGED && s->mirror == DAMAGED)
			boot(s, true, second);
	}
}

/* ---- what happens while a slot runs ---- */

/* One event; false where it is refused. A power cut may come between block and mirror. */
static bool event(const struct state *s, enum rules_event what, bool person, struct state *next)
{
	struct rules_facts facts = facts_of(s, person);
	struct rules_outcome outcome;

	if (rules_apply(what, flip_numbered(s->block), &facts, &outcome, NULL) < 0)
		return false;
	*next = *s;
	next->block = number_of(&outcome.block);
	if (what != RULES_GATE_PASSED && what != RULES_SETTLED && what != RULES_IMPATIENT_REBOOT)
		next->reported = false;
	power_cut(*next);
	next->mirror = next->block;
	return true;
}

static void upgrade(const struct state *s, bool person)
{
	struct state begun, written, flipped;
	int other = 1 - s->running;

	if (!event(s, RULES_UPGRADE_BEGINS, person, &begun))
		return;
	if (!person && s->kinds[s->running] != HEALTHY)
		fail_state(s, "an unattended upgrade erases the other slot");
	begun.kinds[other] = UNREADABLE;
	add(begun);
	for (uint8_t kind = HEALTHY; kind <= CRASHING; kind++) {
		written = begun;
		written.kinds[other] = kind;
		add(written);
		if (!event(&written, RULES_FLIP, person, &flipped))
			fail_state(&written, "the flip is refused after its upgrade began");
		flipped.reported = true;
		add(flipped);
	}
}

static void run(const struct state *s)
{
	static const enum rules_event by_person[] = {RULES_ROLL_BACK, RULES_CANCEL,
						     RULES_MARK_OTHER_BAD};
	struct state next;

	if (event(s, RULES_GATE_PASSED, false, &next)) {
		next.gate = true;
		add(next);
	}
	if (s->kinds[s->running] == HEALTHY && event(s, RULES_SETTLED, false, &next)) {
		next.settled = true;
		add(next);
	}
	upgrade(s, false);
	upgrade(s, true);
	for (size_t i = 0; i < sizeof(by_person) / sizeof(by_person[0]); i++) {
		if (event(s, by_person[i], true, &next))
			add(next);
	}
	if (event(s, RULES_MARK_RUNNING_BAD, true, &next)) {
		next.condemned = true;
		add(next);
	}
	/* The running root rots, and says so. */
	next = *s;
	next.kinds[s->running] = ROTTEN;
	power_cut(next);
	if (event(&next, RULES_ROOT_ERROR, false, &next)) {
		next.condemned = true;
		add(next);
	}
	/* An attempt that was not counted needs none back: PID 1 asks only where one was. */
	if (s->counted && event(s, RULES_IMPATIENT_REBOOT, true, &next))
		power_cut(next);
}

/* Rot while the machine is off, of slots and of the two blocks. */
static void rot(const struct state *s)
{
	for (int slot = 0; slot < 2; slot++) {
		struct state next = *s;

		if (s->kinds[slot] != HEALTHY)
			continue;
		next.kinds[slot] = ROTTEN;
		add(next);
		next.kinds[slot] = UNREADABLE;
		add(next);
	}
	for (int which = 0; which < 3; which++) {
		struct state next = *s;

		if (which != 1)
			next.block = DAMAGED;
		if (which != 0)
			next.mirror = DAMAGED;
		if (next.block == DAMAGED && next.mirror == DAMAGED)
			next.reported = false; /* nothing knows of it any more */
		add(next);
	}
}

static void explore(void)
{
	struct state installed = {.kinds = {HEALTHY, UNREADABLE}};
	struct flip flip;

	flip_init(&flip);
	installed.block = installed.mirror = number_of(&flip);
	add(installed);
	for (size_t i = 0; i < found_count; i++) {
		struct state s = found[i];

		if (s.up) {
			power_cut(s);
			run(&s);
		} else {
			every_boot(&s);
			rot(&s);
		}
	}
}

/* ---- what must hold ---- */

/* Boots, at the worst, until a healthy slot runs; nothing interferes, saves work. */
static int boots_needed(const struct state *s, int so_far)
{
	struct rules_choice choice = choose(s, true, 0);
	struct state next, passed;
	int worst, other;

	if (so_far > BOOTS_MAX || choice.reboots)
		return BOOTS_MAX + 1;
	next = booted(s, &choice);
	if (next.kinds[next.running] == HEALTHY)
		return so_far;
	/* It may die before PID 1, after PID 1's repair, or after its gate. */
	next.up = false;
	worst = boots_needed(&next, so_far + 1);
	next.up = true;
	next = repaired(&next);
	if (next.kinds[next.running] == CRASHING) {
		struct rules_facts facts = facts_of(&next, false);
		struct rules_outcome outcome;

		assert_int_equal(rules_apply(RULES_GATE_PASSED, flip_numbered(next.block), &facts,
					     &outcome, NULL),
				 0);
		passed = next;
		passed.up = false;
		passed.block = passed.mirror = number_of(&outcome.block);
		other = boots_needed(&passed, so_far + 1);
		worst = other > worst ? other : worst;
	}
	next.up = false;
	other = boots_needed(&next, so_far + 1);
	return other > worst ? other : worst;
}

static void test_healthy_slot_is_reached(void **state)
{
	size_t checked = 0;
	int worst = 0;

	(void)state;
	for (size_t i = 0; i < found_count; i++) {
		const struct state *s = &found[i];
		int boots;

		if (s->up || (s->kinds[0] != HEALTHY && s->kinds[1] != HEALTHY))
			continue;
		if (s->block == DAMAGED && s->mirror == DAMAGED)
			continue; /* the clock decides: see below */
		boots = boots_needed(s, 1);
		if (boots > BOOTS_MAX)
			fail_state(s, "no healthy slot within 6 boots");
		worst = boots > worst ? boots : worst;
		checked++;
	}
	print_message("%zu states, %zu of them off with a healthy slot; %d boots at the worst\n",
		      found_count, checked, worst);
	assert_true(checked > 10000);
}

static void test_reported_flip_stands(void **state)
{
	(void)state;
	for (size_t i = 0; i < found_count; i++) {
		const struct state *s = &found[i];
		const struct flip *flip = flip_numbered(s->block);

		if (!flip)
			flip = flip_numbered(s->mirror);
		if (!s->reported)
			continue;
		if (!flip || flip->slots[flip->primary].left == 0 ||
		    (s->up && flip->primary == (s->running ? FLIP_SLOT_B : FLIP_SLOT_A)))
			fail_state(s, "a reported flip is gone");
	}
}

static void test_clock_visits_every_slot(void **state)
{
	(void)state;
	for (size_t i = 0; i < found_count; i++) {
		const struct state *s = &found[i];
		bool visited[2] = {false, false};

		if (s->up)
			continue;
		for (unsigned int second = 0; second < 60; second++) {
			struct rules_choice choice = choose(s, false, second);

			if (!choice.reboots)
				visited[choice.slot] = true;
		}
		for (int slot = 0; slot < 2; slot++) {
			if (visited[slot] != (s->kinds[slot] != UNREADABLE))
				fail_state(s, "a slot is never visited where nothing can be saved");
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	explore();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(found);
	free(table);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy_slot_is_reached),
		cmocka_unit_test(test_reported_flip_stands),
		cmocka_unit_test(test_clock_visits_every_slot),
	};

	return cmocka_run_group_tests_name("flip model", tests, set_up, tear_down);
}
