/* The channel's reader and writer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/format/channel.h"
#include "lib/io.h"

#define GOOD "testdata/channels/good"
#define HASH "7a8be848563140528adb48761feec9d29a4acd36692c924adcf21fdba64682c4"

/* The good one with `from` replaced by `to`. */
static char *changed(const char *from, const char *to)
{
	_cleanup_free_ char *text = NULL;
	char *at, *out = NULL;
	size_t size;

	assert_int_equal(io_read_file(GOOD, CHANNEL_SIZE_MAX, &text, &size, NULL), 0);
	if (!from)
		return ptr_take(text);
	at = strstr(text, from);
	assert_non_null(at);
	*at = '\0';
	assert_true(asprintf(&out, "%s%s%s", text, to, at + strlen(from)) > 0);
	return out;
}

static void test_good(void **state)
{
	_cleanup_free_ char *text = changed(NULL, NULL);
	char again[CHANNEL_SIZE_MAX];
	struct channel channel;
	size_t size;

	(void)state;
	assert_int_equal(channel_parse(text, strlen(text), &channel, NULL), 0);
	assert_string_equal(channel.name, "stable");
	assert_int_equal(channel.serial, 7);
	assert_int_equal(channel.time, 1795792026);
	assert_int_equal(channel.expires, 1798384026);
	assert_int_equal(channel.count, 2);
	assert_string_equal(channel.releases[0].version, "2026.12.0");
	assert_string_equal(channel.releases[0].min_version, "2026.9.0");
	assert_int_equal(channel.releases[0].epoch, 3);
	assert_int_equal(channel.releases[0].bundle_size, 151911424);
	assert_int_equal(channel.releases[0].manifest_sha256[0], 0x7a);
	assert_string_equal(channel.releases[1].file, "proa-2026.11.0.bundle");
	assert_int_equal(channel_render(&channel, again, &size, NULL), 0);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(again, text, size);
}

static void test_changes(void **state)
{
	static const struct {
		const char *rule, *from, *to;
		int expected;
		const char *says;
	} rows[] = {
		{"an unknown key", "name=", "colour=red\nname=", 0, ""},
		{"a key that must be known", "name=", "!wave=1\nname=", -EOPNOTSUPP, "!wave"},
		{"another kind of document", "proa-channel 1", "proa-manifest 1", -EBADMSG,
		 "this is no channel"},
		{"a later format", "proa-channel 1", "proa-channel 2", -EBADMSG,
		 "this is no channel"},
		{"no name", "name=stable\n", "", -EBADMSG, "lacks"},
		{"a name that leads away", "name=stable", "name=a/b", -EBADMSG, "name"},
		{"no serial", "serial=7\n", "", -EBADMSG, "lacks"},
		{"serial 0", "serial=7", "serial=0", -EBADMSG, "serial is 0"},
		{"serial padded", "serial=7", "serial=07", -EBADMSG, "serial is malformed"},
		{"serial too large", "serial=7", "serial=18446744073709551616", -EBADMSG,
		 "serial is malformed"},
		{"serial twice", "serial=7", "serial=7\nserial=7", -EBADMSG, "\"serial\" twice"},
		{"no time", "time=1795792026\n", "", -EBADMSG, "lacks"},
		{"no expiry", "expires=1798384026\n", "", -EBADMSG, "lacks"},
		{"expires at once", "expires=1798384026", "expires=1795792026", -EBADMSG,
		 "expires before"},
		{"expires a second later", "expires=1798384026", "expires=1795792027", 0, ""},
		{"a release twice", "release=2026.11.0", "release=2026.12.0", -EBADMSG,
		 "2026.12.0 twice"},
		{"a hash too short", HASH, "7a8b", -EBADMSG, "line 6"},
		{"a hash in upper case", "7a8be848", "7A8BE848", -EBADMSG, "line 6"},
		{"a size of nothing", "151911424", "0", -EBADMSG, "line 6"},
		{"a size at its limit", "151911424", "68719476736", 0, ""},
		{"a size past its limit", "151911424", "68719476737", -EBADMSG, "line 6"},
		{"a file in another folder", "proa-2026.12.0.bundle", "a/b.bundle", -EBADMSG,
		 "line 6"},
		{"a file above", "proa-2026.12.0.bundle", "..", -EBADMSG, "line 6"},
		{"a word too many", "proa-2026.12.0.bundle", "a b", -EBADMSG, "line 6"},
		{"a word too few", " proa-2026.12.0.bundle", "", -EBADMSG, "line 6"},
		{"a control character", "stable", "sta\x1b[2J", -EBADMSG, "control"},
		{"the last line cut", "proa-2026.11.0.bundle\n", "proa-2026.11.0.bundle", -EBADMSG,
		 "cut off"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		_cleanup_free_ char *text = changed(rows[i].from, rows[i].to);
		struct error err = ERROR_INIT;
		struct channel channel;
		int r = channel_parse(text, strlen(text), &channel, &err);

		print_message("  %s: %s\n", rows[i].rule, err.message);
		assert_int_equal(r, rows[i].expected);
		assert_non_null(strstr(err.message, rows[i].says));
	}
}

/* As many releases as there may be, and one more. */
static void test_many(void **state)
{
	struct channel channel = {.name = "all", .serial = 1, .time = 1, .expires = 2};
	char text[CHANNEL_SIZE_MAX], more[256];
	struct channel again;
	size_t size;
	int length;

	(void)state;
	for (; channel.count < CHANNEL_RELEASES_MAX; channel.count++) {
		struct channel_release *release = &channel.releases[channel.count];

		*release = (struct channel_release){.min_version = "0", .bundle_size = 1};
		snprintf(release->version, sizeof(release->version), "1.%zu", channel.count);
		snprintf(release->file, sizeof(release->file), "f");
	}
	assert_int_equal(channel_render(&channel, text, &size, NULL), 0);
	assert_int_equal(channel_parse(text, size, &again, NULL), 0);
	assert_int_equal(again.count, CHANNEL_RELEASES_MAX);
	length = snprintf(more, sizeof(more), "release=2 0 1 1 %s f\n", HASH);
	memcpy(text + size, more, (size_t)length);
	assert_int_equal(channel_parse(text, size + (size_t)length, &again, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
