/* What the service manager adds to the record of upgrades when a health gate has passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "init/services/outcome.h"

enum { BOOT = 9 };

/* A release is a letter, in its version and its hash. */
static void name(char release, char *version, char *hash)
{
	snprintf(version, MANIFEST_TEXT_SIZE, "%c", release);
	memset(hash, release, HASH_HEX_SIZE - 1);
	hash[HASH_HEX_SIZE - 1] = '\0';
}

static void set_slot(struct outcome_slot *slot, char letter, char release)
{
	*slot = (struct outcome_slot){.letter = letter};
	if (release != '-')
		name(release, slot->version, slot->root_hash);
}

/* "uN7b": kind, release, the boot and the slot. */
static void add(struct upgrades *record, const char *word)
{
	static const char kinds[UPGRADES_KINDS + 1] = "sfgucpkrm";
	struct upgrades_event *event = &record->events[record->count++];

	*event = (struct upgrades_event){
		.kind = (enum upgrades_kind)(strchr(kinds, word[0]) - kinds),
		.boot = (uint64_t)(word[2] - '0'),
		.slot = word[3],
		.fetched = 5,
		.text = "x",
	};
	name(word[1], event->version, event->root_hash);
}

static void test_next(void **state)
{
	/* Slot a runs release O; n is the new one, in slot b. */
	static const struct {
		const char *rule;
		const char *record[4];
		char runs, running, other; /* slot, releases; '-': it cannot be read */
		bool passed_over;
		int kind; /* -1: nothing is missing */
		char release;
	} rows[] = {
		{"never upgraded", {NULL}, 'a', 'o', 'n', false, -1, 0},
		{"a new release runs", {"un7b"}, 'b', 'n', 'o', false, UPGRADES_PASSED, 'n'},
		{"it does so again", {"un7b", "pn8b"}, 'b', 'n', 'o', false, -1, 0},
		{"staged, and flipped to by another hand",
		 {"gn7b"},
		 'b',
		 'n',
		 'o',
		 false,
		 UPGRADES_PASSED,
		 'n'},
		{"the same release was staged beside itself",
		 {"gn7b"},
		 'a',
		 'n',
		 'n',
		 false,
		 -1,
		 0},
		{"it fell back", {"un7b"}, 'a', 'o', 'n', true, UPGRADES_FELL_BACK, 'n'},
		{"told already", {"un7b", "kn8b"}, 'a', 'o', 'n', true, -1, 0},
		{"tried once more, it fell back again",
		 {"un7b", "kn7b", "un8b"},
		 'a',
		 'o',
		 'n',
		 true,
		 UPGRADES_FELL_BACK,
		 'n'},
		{"it passed, and fell back later",
		 {"un7b", "pn8b"},
		 'a',
		 'o',
		 'n',
		 true,
		 UPGRADES_FELL_BACK,
		 'n'},
		{"it fell back, then came up",
		 {"un7b", "kn8b"},
		 'b',
		 'n',
		 'o',
		 false,
		 UPGRADES_PASSED,
		 'n'},
		{"ordered anew in this boot, which fell back from it",
		 {"kn7b", "un9b"},
		 'a',
		 'o',
		 'n',
		 true,
		 -1,
		 0},
		{"a person rolls back in this boot",
		 {"un7b", "pn8b", "rn9b"},
		 'b',
		 'n',
		 'o',
		 false,
		 -1,
		 0},
		{"a person has rolled back", {"un7b", "pn7b", "rn8b"}, 'a', 'o', 'n', false, -1, 0},
		{"it fell back, and is not readable any more",
		 {"un7b"},
		 'a',
		 'o',
		 '-',
		 true,
		 UPGRADES_FELL_BACK,
		 'n'},
		{"nothing is known of what fell back", {NULL}, 'a', 'o', '-', true, -1, 0},
		{"nothing was noted of what fell back",
		 {NULL},
		 'a',
		 'o',
		 'n',
		 true,
		 UPGRADES_FELL_BACK,
		 'n'},
		{"written while this boot fell back from another",
		 {"un7b", "sn9b"},
		 'a',
		 'o',
		 'n',
		 true,
		 -1,
		 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upgrades record = {.count = 0};
		struct outcome_facts facts = {.boot = BOOT, .passed_over = rows[i].passed_over};
		struct upgrades_event event;
		bool missing;

		print_message("  %s\n", rows[i].rule);
		set_slot(&facts.running, rows[i].runs, rows[i].running);
		set_slot(&facts.other, rows[i].runs == 'a' ? 'b' : 'a', rows[i].other);
		for (size_t n = 0; rows[i].record[n]; n++)
			add(&record, rows[i].record[n]);
		missing = outcome_next(&facts, &record, &event);
		assert_int_equal(missing, rows[i].kind >= 0);
		if (!missing)
			continue;
		assert_int_equal(event.kind, rows[i].kind);
		assert_int_equal(event.version[0], rows[i].release);
		assert_int_equal(event.root_hash[63], rows[i].release);
		assert_int_equal(event.boot, BOOT);
		assert_string_equal(event.text, "");
		assert_int_equal(event.fetched, record.count > 0 ? 5 : 0);
		/* Told once. */
		record.events[record.count++] = event;
		assert_false(outcome_next(&facts, &record, &event));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
