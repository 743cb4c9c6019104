/* What a machine remembers of channels, and which it takes no more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/support/scratch.h"
#include "upgrader/follow.h"
#include "upgrader/releases.h"

enum { DAY = 24 * 60 * 60, NOW = 2000000000 };

static struct trust trust;

static struct releases_request request_at(uint64_t now)
{
	return (struct releases_request){
		.fetch.url = "http://server/stable.channel",
		.trust = &trust,
		.seen = "seen",
		.now = now,
		.built = NOW - 100 * DAY,
	};
}

static void test_check(void **state)
{
	static const struct {
		const char *rule, *seen; /* NULL: no file */
		uint64_t root, now, serial, time, expires;
		const char *words; /* NULL: it is taken */
	} rows[] = {
		{"the first", NULL, 1, NOW, 1, NOW - DAY, NOW + DAY, NULL},
		{"the same again", "root=1\nserial.stable=7\n", 1, NOW, 7, NOW - DAY, NOW + DAY,
		 NULL},
		{"a later one", "root=1\nserial.stable=7\n", 1, NOW, 8, NOW - DAY, NOW + DAY, NULL},
		{"an earlier one", "root=1\nserial.stable=7\n", 1, NOW, 6, NOW - DAY, NOW + DAY,
		 "an old channel: serial 6"},
		{"another channel has its own serials", "root=1\nserial.testing=7\n", 1, NOW, 6,
		 NOW - DAY, NOW + DAY, NULL},
		{"a thief's serial is void under new keys", "root=1\nserial.stable=999\n", 2, NOW,
		 6, NOW - DAY, NOW + DAY, NULL},
		{"unless the document leaves the channel keys as they are",
		 "root=1\nkeys=\nserial.stable=9\n", 2, NOW, 6, NOW - DAY, NOW + DAY,
		 "an old channel"},
		{"and counts under the same", "root=2\nserial.stable=999\n", 2, NOW, 6, NOW - DAY,
		 NOW + DAY, "an old channel"},
		{"it has expired", NULL, 1, NOW, 1, NOW - 2 * DAY, NOW - DAY,
		 "by this machine's clock"},
		{"in its last second", NULL, 1, NOW, 1, NOW - DAY, NOW, "by this machine's clock"},
		{"the clock was set back, and the release knows it", NULL, 1, 1000, 1,
		 NOW - 300 * DAY, NOW - 200 * DAY, "since the running release was built"},
		{"the clock was set back, and a channel knows it", "root=1\ntime=1999999999\n", 1,
		 1000, 1, NOW - 60 * DAY, NOW - 30 * DAY, "since a channel of that time"},
		{"that, too, is void under new keys", "root=1\ntime=3000000000\n", 2, NOW, 1,
		 NOW - DAY, NOW + DAY, NULL},
		{"of next week", NULL, 1, NOW, 1, NOW + 7 * DAY, NOW + 30 * DAY,
		 "one of the two is wrong"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct releases_request q = request_at(rows[i].now);
		struct channel channel = {.name = "stable",
					  .serial = rows[i].serial,
					  .time = rows[i].time,
					  .expires = rows[i].expires};
		struct error err = ERROR_INIT;
		int r;

		unlink("seen");
		if (rows[i].seen)
			scratch_put("seen", rows[i].seen);
		trust.root.number = rows[i].root;
		r = releases_check(&q, &channel, &err);
		if (r != (rows[i].words ? -ESTALE : 0) ||
		    (rows[i].words && !strstr(err.message, rows[i].words)))
			fail_msg("%s: %d \"%s\"", rows[i].rule, r, err.message);
	}
	unlink("seen");
}

static void test_remember(void **state)
{
	struct releases_request q = request_at(NOW);
	struct channel channel = {.name = "stable", .serial = 7, .time = NOW};

	(void)state;
	trust.root.number = 1;
	assert_int_equal(releases_root_seen("seen"), 0);
	assert_int_equal(releases_remember(&q, &channel, NULL), 0);
	scratch_assert("seen", "root=1\nkeys=\ntime=2000000000\nserial.stable=7\n");
	assert_int_equal(releases_root_seen("seen"), 1);
	channel = (struct channel){.name = "testing", .serial = 3, .time = NOW - DAY};
	assert_int_equal(releases_remember(&q, &channel, NULL), 0);
	scratch_assert("seen",
		       "root=1\nkeys=\ntime=2000000000\nserial.testing=3\nserial.stable=7\n");
	/* A document that leaves the channel keys alone forgets nothing. */
	trust.root.number = 2;
	assert_int_equal(releases_remember(&q, &channel, NULL), 0);
	scratch_assert("seen",
		       "root=2\nkeys=\ntime=2000000000\nserial.testing=3\nserial.stable=7\n");
	/* New keys: what a thief may have signed is forgotten. */
	trust.root.number = 3;
	trust.root.keys.count = 1;
	trust.root.keys.entries[0].role = SIGN_ROLE_CHANNEL;
	strcpy(trust.root.keys.entries[0].key.id, "0123456789abcdef");
	assert_int_equal(releases_remember(&q, &channel, NULL), 0);
	scratch_assert("seen",
		       "root=3\nkeys=0123456789abcdef\ntime=1999913600\nserial.testing=3\n");
	trust.root.keys.count = 0;
	assert_int_equal(releases_root_seen("seen"), 3);
	unlink("seen");
}

/* A root document that was in force holds whoever is shown less. */
static void test_root_is_held(void **state)
{
	static const struct {
		uint64_t known, seen;
		int expected;
	} rows[] = {
		{1, 0, 0}, {1, 1, 0}, {2, 1, 0}, {1, 2, -ESTALE}, {3, UINT64_MAX, -ESTALE},
		{0, 2, 0}, /* PEM keys alone: a person says what is trusted */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		trust.root.number = rows[i].known;
		assert_int_equal(follow_check(&trust, rows[i].seen, NULL), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_remember),
		cmocka_unit_test(test_root_is_held),
	};

	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
