/* What is remembered of upgrades: whatever the file holds, it is within bounds and printable. */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/upgrades.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_text(const char *text, size_t room)
{
	if (strlen(text) >= room)
		abort();
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct upgrades upgrades;

	upgrades_parse((const char *)bytes, size, &upgrades);
	if (upgrades.count > UPGRADES_MAX)
		abort();
	for (size_t i = 0; i < upgrades.count; i++) {
		const struct upgrades_event *event = &upgrades.events[i];
		_cleanup_json_ json_t *object = upgrades_json(event);

		if (!object || event->kind >= UPGRADES_KINDS)
			abort();
		check_text(event->version, sizeof(event->version));
		check_text(event->from, sizeof(event->from));
		check_text(event->text, sizeof(event->text));
		if (strlen(event->root_hash) != HASH_HEX_SIZE - 1)
			abort();
	}
	return 0;
}
