/* Which release may take which one's place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hex.h"
#include "upgrader/decide.h"

enum { ROOM = 1000, BOOT = 7 };

static struct manifest release(const char *version, char content)
{
	struct manifest manifest = {.epoch = 5, .image_size = ROOM};

	snprintf(manifest.version, sizeof(manifest.version), "%s", version);
	snprintf(manifest.min_version, sizeof(manifest.min_version), "0");
	memset(manifest.root_hash, content, sizeof(manifest.root_hash));
	return manifest;
}

static void test_decisions(void **state)
{
	/* The running release is 2026.11.0 with content 'r'. */
	static const struct {
		const char *rule;
		const char *version;
		char content;
		const char *other; /* version in the other slot, content 'o'; NULL: empty */
		bool pending, older_too;
		int result;
		enum decide_answer answer;
		const char *says;
	} rows[] = {
		{"newer", "2026.12.0", 'n', NULL, false, false, 0, DECIDE_WRITE, NULL},
		{"newer, the other slot holds an older one", "2026.12.0", 'n', "2026.10.0", false,
		 false, 0, DECIDE_WRITE, NULL},
		{"it runs", "2026.11.0", 'r', NULL, false, false, 0, DECIDE_RUNS, NULL},
		{"it runs, and is wanted anew", "2026.11.0", 'r', NULL, false, true, 0,
		 DECIDE_WRITE, NULL},
		{"same version, other content", "2026.11.0", 'x', NULL, false, false, -ERANGE, 0,
		 "other content"},
		{"same version, other content, allowed", "2026.11.0", 'x', NULL, false, true, 0,
		 DECIDE_WRITE, NULL},
		{"older", "2026.9.0", 'n', NULL, false, false, -ERANGE, 0, "--allow-downgrade"},
		{"older, allowed", "2026.9.0", 'n', NULL, false, true, 0, DECIDE_WRITE, NULL},
		{"staged before", "2026.12.0", 'o', "2026.12.0", false, false, 0, DECIDE_WRITTEN,
		 NULL},
		{"staged before, with other content", "2026.12.0", 'n', "2026.12.0", false, false,
		 0, DECIDE_WRITE, NULL},
		{"the older one in the other slot", "2026.9.0", 'o', "2026.9.0", false, false,
		 -ERANGE, 0, "older"},
		{"the older one in the other slot, allowed", "2026.9.0", 'o', "2026.9.0", false,
		 true, 0, DECIDE_WRITTEN, NULL},
		{"waits for its reboot", "2026.12.0", 'o', "2026.12.0", true, false, 0,
		 DECIDE_PENDING, NULL},
		{"another one waits for its reboot", "2026.12.1", 'n', "2026.12.0", true, false, 0,
		 DECIDE_WRITE, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct manifest running = release("2026.11.0", 'r');
		struct manifest other = release(rows[i].other ? rows[i].other : "", 'o');
		struct manifest wanted = release(rows[i].version, rows[i].content);
		const struct decide_facts facts = {
			.running = &running,
			.least_epoch = 5,
			.other = rows[i].other ? &other : NULL,
			.pending = rows[i].pending,
			.older_too = rows[i].older_too,
			.room_bytes = ROOM,
		};
		enum decide_answer answer = DECIDE_RUNS;
		struct error err = ERROR_INIT;
		int r = decide_release(&wanted, &facts, &answer, &err);

		print_message("  %s: %s\n", rows[i].rule, r < 0 ? err.message : "");
		assert_int_equal(r, rows[i].result);
		if (r == 0)
			assert_int_equal(answer, rows[i].answer);
		else
			assert_non_null(strstr(err.message, rows[i].says));
	}
}

/* At the limit, and one past it. */
static void test_limits(void **state)
{
	static const struct {
		const char *rule;
		uint64_t epoch, image;
		const char *min_version;
		int result;
	} rows[] = {
		{"all at their limits", 5, ROOM, "2026.11.0", 0},
		{"an epoch below the least", 4, ROOM, "0", -ESTALE},
		{"an image too large by a byte", 5, ROOM + 1, "0", -ENOSPC},
		{"from a later release only", 5, ROOM, "2026.11.1", -ENOTSUP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct manifest running = release("2026.11.0", 'r');
		struct manifest wanted = release("2026.12.0", 'n');
		const struct decide_facts facts = {
			.running = &running,
			.least_epoch = 5,
			.older_too = true, /* none of these can be allowed */
			.room_bytes = ROOM,
		};
		enum decide_answer answer;
		struct error err = ERROR_INIT;
		int r;

		wanted.epoch = rows[i].epoch;
		wanted.image_size = rows[i].image;
		snprintf(wanted.min_version, sizeof(wanted.min_version), "%s", rows[i].min_version);
		r = decide_release(&wanted, &facts, &answer, &err);
		print_message("  %s: %s\n", rows[i].rule, r < 0 ? err.message : "");
		assert_int_equal(r, rows[i].result);
	}
}

/* "k2026.12.0n": kind, version, content; with a capital letter, it happened in this boot. */
static void add_event(struct upgrades *record, const char *word)
{
	static const char kinds[UPGRADES_KINDS + 1] = "sfgucpkrm";
	size_t length = strlen(word + 1) - 1;
	struct upgrades_event *event = &record->events[record->count++];
	uint8_t hash[HASH_SIZE];

	*event = (struct upgrades_event){
		.kind = (enum upgrades_kind)(strchr(kinds, word[0] | 0x20) - kinds),
		.boot = word[0] < 'a' ? BOOT : BOOT - 1,
	};
	snprintf(event->version, sizeof(event->version), "%.*s", (int)length, word + 1);
	memset(hash, word[length + 1], sizeof(hash));
	hex_encode(hash, HASH_SIZE, event->root_hash);
}

/* Nobody is there: 2026.11.0 runs, 2026.12.0 with content 'n' is what the channel has. */
static void test_unattended(void **state)
{
	static const struct {
		const char *rule;
		const char *record[4];
		bool in_other, pending;
		const char *running;
		int result;
		const char *says;
	} rows[] = {
		{"nothing is known", {NULL}, false, false, "2026.11.0", 0, NULL},
		{"it fell back",
		 {"u2026.12.0n", "k2026.12.0n"},
		 false,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "fell back from it"},
		{"it fell back, and is in the other slot still",
		 {"u2026.12.0n", "k2026.12.0n"},
		 true,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "fell back from it"},
		{"the same version with other content fell back",
		 {"k2026.12.0x"},
		 false,
		 false,
		 "2026.11.0",
		 0,
		 NULL},
		{"a person rolled back from it",
		 {"p2026.12.0n", "r2026.12.0n"},
		 true,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "rolled back"},
		{"a person marked it bad",
		 {"m2026.12.0n"},
		 false,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "marked it bad"},
		{"a person took the flip back",
		 {"c2026.12.0n"},
		 true,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "took the flip to it back"},
		{"a person's try is no word for it",
		 {"k2026.12.0n", "u2026.12.0n", "f2026.12.0n"},
		 false,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "fell back from it"},
		{"a newer one has run since",
		 {"k2026.12.0n", "p2026.12.1o"},
		 false,
		 false,
		 "2026.11.0",
		 0,
		 NULL},
		{"an older one has run since",
		 {"k2026.12.0n", "p2026.11.1o"},
		 false,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "no newer release"},
		{"a newer one had run before",
		 {"p2026.12.1o", "k2026.12.0n"},
		 false,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "no newer release"},
		{"a newer one was only written",
		 {"k2026.12.0n", "u2026.12.1o"},
		 false,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "no newer release"},
		{"an upgrade to it failed", {"f2026.12.0n"}, false, false, "2026.11.0", 0, NULL},
		{"staged", {"g2026.12.0n"}, true, false, "2026.11.0", 0, NULL},
		{"written, and cut off before the flip",
		 {"s2026.12.0n"},
		 true,
		 false,
		 "2026.11.0",
		 0,
		 NULL},
		{"in the other slot, and nobody knows why",
		 {NULL},
		 true,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "never tried"},
		{"flipped to, and not pending any more",
		 {"u2026.12.0n"},
		 true,
		 false,
		 "2026.11.0",
		 -ECANCELED,
		 "never tried"},
		{"cut off before the flip, in this boot",
		 {"U2026.12.0n"},
		 true,
		 false,
		 "2026.11.0",
		 0,
		 NULL},
		{"it waits for its reboot", {"u2026.12.0n"}, true, true, "2026.11.0", 0, NULL},
		{"it runs, after a person's rollback and back",
		 {"r2026.12.0n"},
		 false,
		 false,
		 "2026.12.0",
		 0,
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct manifest wanted = release("2026.12.0", 'n');
		struct manifest running = release(rows[i].running, 'r');
		struct upgrades record = {.count = 0};
		struct decide_facts facts = {
			.running =
				strcmp(rows[i].running, wanted.version) == 0 ? &wanted : &running,
			.other = rows[i].in_other ? &wanted : NULL,
			.pending = rows[i].pending,
			.room_bytes = ROOM,
			.record = &record,
			.boot = BOOT,
		};
		enum decide_answer answer;
		struct error err = ERROR_INIT;
		int r;

		for (size_t n = 0; rows[i].record[n]; n++)
			add_event(&record, rows[i].record[n]);
		r = decide_release(&wanted, &facts, &answer, &err);
		print_message("  %s: %s\n", rows[i].rule, r < 0 ? err.message : "");
		assert_int_equal(r, rows[i].result);
		if (r < 0)
			assert_non_null(strstr(err.message, rows[i].says));
		/* A person may try whatever they like. */
		facts.record = NULL;
		assert_int_equal(decide_release(&wanted, &facts, &answer, NULL), 0);
	}
}

/* Which of a channel's releases. Each is "VERSION LEAST". */
static void test_pick(void **state)
{
	static const struct {
		const char *rule, *releases[4], *wanted, *picked;
		size_t too_far;
	} rows[] = {
		{"the newest", {"2026.12.0 0", "2027.1.0 0", "2026.11.1 0"}, NULL, "2027.1.0", 0},
		{"the newest that can be reached",
		 {"2027.1.0 2026.12.0", "2026.12.0 0"},
		 NULL,
		 "2026.12.0",
		 1},
		{"at the limit", {"2027.1.0 2026.11.0"}, NULL, "2027.1.0", 0},
		{"the running one", {"2026.11.0 0", "2026.10.0 0"}, NULL, "2026.11.0", 0},
		{"older ones alone", {"2026.10.0 0"}, NULL, NULL, 0},
		{"none", {NULL}, NULL, NULL, 0},
		{"none that can be reached", {"2027.1.0 2026.12.0"}, NULL, NULL, 1},
		{"the one that is wanted",
		 {"2027.1.0 0", "2026.12.0 0"},
		 "2026.12.0",
		 "2026.12.0",
		 0},
		{"one that is wanted, and older",
		 {"2026.12.0 0", "2026.10.0 0"},
		 "2026.10.0",
		 "2026.10.0",
		 0},
		{"one that is not there", {"2026.12.0 0"}, "2026.12", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct channel_release *picked;
		struct channel channel = {.serial = 1};
		size_t too_far = 99;

		for (; rows[i].releases[channel.count]; channel.count++) {
			struct channel_release *one = &channel.releases[channel.count];

			sscanf(rows[i].releases[channel.count], "%63s %63s", one->version,
			       one->min_version);
		}
		print_message("  %s\n", rows[i].rule);
		picked = decide_pick(&channel, "2026.11.0", rows[i].wanted, &too_far);
		assert_int_equal(picked != NULL, rows[i].picked != NULL);
		if (picked)
			assert_string_equal(picked->version, rows[i].picked);
		assert_int_equal(too_far, rows[i].too_far);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unattended),
		cmocka_unit_test(test_pick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
