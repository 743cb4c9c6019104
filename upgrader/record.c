#include "upgrader/record.h"

#include <stdio.h>
#include <time.h>

#include "lib/hex.h"
#include "lib/runtime.h"

struct upgrades_event record_event(const struct target *target, enum upgrades_kind kind,
				   enum flip_slot which, const struct manifest *release)
{
	struct upgrades_event event = {
		.time = (uint64_t)time(NULL),
		.boot = target->boot,
		.kind = kind,
		.slot = flip_letter(which),
		.unattended = !target->facts.person,
	};

	snprintf(event.version, sizeof(event.version), "%s", release->version);
	hex_encode(release->root_hash, HASH_SIZE, event.root_hash);
	return event;
}

int record_write(const struct target *target, const char *command,
		 const struct upgrades_event *event)
{
	struct error err = ERROR_INIT;
	int r = target->facts.offline ? 0 : upgrades_add(RUNTIME_UPGRADES, event, &err);

	if (r < 0 && event->kind != UPGRADES_STARTED)
		fprintf(stderr,
			"%s: warning: \"proa status\" and \"proa history\" will not tell of "
			"this: %s\n",
			command, err.message);
	return r;
}

void record_slot(const struct target *target, const char *command, enum upgrades_kind kind,
		 enum flip_slot which)
{
	struct upgrades_event event;
	struct slot slot;

	if (target->facts.offline || target_read_slot(target, which, &slot, NULL) < 0)
		return;
	event = record_event(target, kind, which, &slot.manifest);
	(void)record_write(target, command, &event);
}
