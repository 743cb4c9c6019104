#include "init/services/outcome.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "init/services/supervisor.h"
#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/format/slot.h"
#include "lib/hex.h"
#include "lib/trust.h"

/* ---- the rule ---- */

/* The newest about what the slot holds; where the slot cannot be read, about what it held. */
static const struct upgrades_event *find(const struct upgrades *record,
					 const struct outcome_slot *slot)
{
	if (slot->root_hash[0])
		return upgrades_find(record, slot->root_hash);
	for (size_t i = record->count; i > 0; i--)
		if (record->events[i - 1].slot == slot->letter)
			return &record->events[i - 1];
	return NULL;
}

static struct upgrades_event next(enum upgrades_kind kind, const struct outcome_facts *facts,
				  const struct outcome_slot *slot,
				  const struct upgrades_event *last)
{
	struct upgrades_event event = last ? *last : (struct upgrades_event){0};

	event.time = (uint64_t)time(NULL);
	event.boot = facts->boot;
	event.kind = kind;
	event.slot = slot->letter;
	event.text[0] = '\0';
	if (slot->root_hash[0]) {
		memcpy(event.version, slot->version, sizeof(event.version));
		memcpy(event.root_hash, slot->root_hash, sizeof(event.root_hash));
	}
	return event;
}

bool outcome_next(const struct outcome_facts *facts, const struct upgrades *record,
		  struct upgrades_event *out)
{
	const struct upgrades_event *ours = find(record, &facts->running);
	const struct upgrades_event *theirs = find(record, &facts->other);

	/* What this boot itself has done about a release is not how its trial ended. */
	if (facts->passed_over && (theirs || facts->other.root_hash[0]) &&
	    !(theirs && (theirs->kind == UPGRADES_FELL_BACK || theirs->boot == facts->boot))) {
		*out = next(UPGRADES_FELL_BACK, facts, &facts->other, theirs);
		return true;
	}
	/* A release that was installed, and not upgraded to, has nothing to tell. */
	if (ours && ours->slot == facts->running.letter && ours->kind != UPGRADES_PASSED &&
	    ours->boot != facts->boot) {
		*out = next(UPGRADES_PASSED, facts, &facts->running, ours);
		return true;
	}
	return false;
}

/* ---- what the machine knows ---- */

static void read_slot(const char *device, struct outcome_slot *out)
{
	_cleanup_fd_ int fd = open(device ? device : "/nonexistent", O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	const struct option_list none = {0};
	struct trust trust;
	struct slot slot;

	if (size < 0 || trust_load(&none, &trust, NULL) < 0 ||
	    slot_verify_descriptor(fd, 0, (uint64_t)size, &trust.former, &slot, NULL) < 0)
		return;
	snprintf(out->version, sizeof(out->version), "%s", slot.manifest.version);
	hex_encode(slot.manifest.root_hash, HASH_SIZE, out->root_hash);
}

static bool is_one(const struct fields *fields, const char *key)
{
	return fields_get_number(fields, key, 0) == 1;
}

static int gather(struct outcome_facts *out, struct error *err)
{
	_cleanup_fields_ struct fields boot = {0};
	const char *slot, *version, *hash, *flip;
	int r = fields_read(PATH_BOOT, &boot, err);

	if (r < 0)
		return r;
	slot = fields_get(&boot, "slot");
	version = fields_get(&boot, "version");
	hash = fields_get(&boot, "root_hash");
	flip = fields_get(&boot, "flip_text");
	*out = (struct outcome_facts){.boot = fields_get_number(&boot, "boot", 0)};
	out->running.letter = slot && *slot == 'b' ? 'b' : 'a';
	out->other.letter = out->running.letter == 'b' ? 'a' : 'b';
	snprintf(out->running.version, sizeof(out->running.version), "%s", version ? version : "");
	snprintf(out->running.root_hash, sizeof(out->running.root_hash), "%s", hash ? hash : "");
	read_slot(fields_get(&boot, out->other.letter == 'a' ? "slot_a" : "slot_b"), &out->other);
	/* docs/internals.md "The kernel command line": the primary slot stands first. */
	out->passed_over = flip && *flip == out->other.letter &&
			   (is_one(&boot, "fellback") || is_one(&boot, "lastresort"));
	return 0;
}

static int note(const char *left_out, struct error *err)
{
	struct upgrades record;
	struct upgrades_event event;
	struct outcome_facts facts;
	int r = gather(&facts, err);

	for (int i = 0; i < 2 && r == 0; i++) {
		r = upgrades_read(PATH_UPGRADES, &record, err);
		if (r < 0 || !outcome_next(&facts, &record, &event))
			return r;
		if (event.kind == UPGRADES_PASSED && left_out[0])
			snprintf(event.text, sizeof(event.text),
				 "left out, as before the upgrade: %s", left_out);
		r = upgrades_add(PATH_UPGRADES, &event, err);
	}
	return r;
}

void outcome_step(struct supervisor *supervisor)
{
	struct error err = ERROR_INIT;

	if (supervisor->outcome_noted || supervisor->gate.verdict != GATE_PASSED ||
	    !supervisor->report.verdict_told)
		return;
	supervisor->outcome_noted = true;
	if (note(supervisor->left_out, &err) < 0)
		report_console(&supervisor->report, "error: %s", err.message);
}
