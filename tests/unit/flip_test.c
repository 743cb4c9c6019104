/* The flip block: what is whole, what is written, and the arguments file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bootloader/args.h"
#include "bootloader/envblk.h"
#include "bootloader/flip.h"

#define HEADER "# GRUB Environment Block\n"
#define WHOLE                                                                                      \
	HEADER "v=1\nslot=b\na_left=3\na_good=1\nb_left=9\nb_good=0\nturn=a\ntok=235959\nend=1\n"

/* A block from text that may hold zero bytes, '#' behind it. */
static void fill(uint8_t block[FLIP_BLOCK_SIZE], const char *text, size_t size)
{
	memset(block, '#', FLIP_BLOCK_SIZE);
	memcpy(block, text, size);
}

#define ROW(name_, whole_, text_)                                                                  \
	{                                                                                          \
		.name = (name_), .text = (text_), .size = sizeof(text_) - 1, .whole = (whole_)     \
	}

static const struct {
	const char *name;
	const char *text;
	size_t size;
	bool whole;
} blocks[] = {
	ROW("as rendered", true, WHOLE),
	ROW("other names beside ours", true, WHOLE "prefix=/x\nslot2=z\n"),
	ROW("the last of two counts", true, HEADER "slot=z\n" WHOLE),
	ROW("the last of two counts, bad", false, WHOLE "turn=c\n"),
	ROW("comment lines and blank lines", true, HEADER "# a_left=x\n\n\r\n" WHOLE),
	ROW("an escape within a value", true, HEADER "v=\\1\n" WHOLE),
	ROW("a zero ends a value", true, WHOLE "slot=a\0zz\n"),
	ROW("a zero ends a name", true, WHOLE "slot\0x=a\n"),
	ROW("no header", false, "v=1\n"),
	ROW("header without its newline", false, "# GRUB Environment Block "),
	ROW("header alone", false, HEADER),
	ROW("v is 2", false, WHOLE "v=2\n"),
	ROW("end is missing", false,
	    HEADER "v=1\nslot=b\na_left=3\na_good=1\nb_left=9\nb_good=0\nturn=a\ntok=235959\n"),
	ROW("slot is c", false, WHOLE "slot=c\n"),
	ROW("slot is A", false, WHOLE "slot=A\n"),
	ROW("left of two digits", false, WHOLE "a_left=10\n"),
	ROW("left is empty", false, WHOLE "b_left=\n"),
	ROW("left is no digit", false, WHOLE "b_left=:\n"),
	ROW("good is 2", false, WHOLE "a_good=2\n"),
	ROW("blank behind a value", false, WHOLE "b_good=1 \n"),
	ROW("carriage return behind a value", false, WHOLE "turn=a\r\n"),
	ROW("tok of five digits", false, WHOLE "tok=12345\n"),
	ROW("tok of seven digits", false, WHOLE "tok=1234567\n"),
	ROW("tok too long for any value", false, WHOLE "tok=123456789012345678901234567890\n"),
	ROW("tok with a letter", false, WHOLE "tok=12345x\n"),
	ROW("an escaped newline in a value", false, WHOLE "turn=a\\\n\n"),
	ROW("a line without = swallows the next", false,
	    HEADER "v=1\nslot=b\na_left=3\na_good=1\n"
		   "b_left=9\nb_good=0\nturn=a\n"
		   "tok=235959\njunk\nend=1\n"),
	ROW("a value that does not end", false, HEADER "v=1"),
	ROW("an escape as the last byte", false, HEADER "v=\\"),
};

static void test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		uint8_t block[FLIP_BLOCK_SIZE];
		struct error err = ERROR_INIT;
		struct flip flip;
		int r;

		fill(block, blocks[i].text, blocks[i].size);
		r = flip_parse(block, &flip, &err);
		if ((r == 0) != blocks[i].whole)
			fail_msg("%s: %s", blocks[i].name, r == 0 ? "whole" : err.message);
		if (r < 0) {
			assert_int_equal(r, -EBADMSG);
			assert_true(strlen(err.message) > 0);
		}
	}
}

/* GRUB never reads past the block; nor does anything here, whatever the bytes (sanitizers). */
static void test_any_bytes(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		static const char alphabet[] = "\\=\n#\0abv1_left";
		uint8_t block[FLIP_BLOCK_SIZE];
		struct flip flip, again;

		fill(block, WHOLE, sizeof(WHOLE) - 1);
		for (int i = 0; i < 1 + round % 7; i++) {
			random = random * 1664525 + 1013904223;
			block[random >> 16 & 511] =
				(uint8_t)alphabet[(random >> 8) % (sizeof(alphabet) - 1)];
		}
		if (round % 100 == 0)
			memset(block + ENVBLK_HEADER_SIZE, '\\',
			       FLIP_BLOCK_SIZE - ENVBLK_HEADER_SIZE);
		flip_init(&flip);
		flip_save_like_grub(&flip, block);
		if (flip_parse(block, &again, NULL) == 0 && round % 7 == 0)
			assert_true(again.slots[0].left <= FLIP_LEFT_MAX);
	}
}

static void test_round_trip(void **state)
{
	struct flip flip, read_back;
	uint8_t block[FLIP_BLOCK_SIZE], wanted[FLIP_BLOCK_SIZE];
	char text[FLIP_TEXT_SIZE];

	(void)state;
	fill(wanted, WHOLE, sizeof(WHOLE) - 1);
	assert_int_equal(flip_parse(wanted, &flip, NULL), 0);
	assert_int_equal(flip.primary, FLIP_SLOT_B);
	assert_int_equal(flip.slots[FLIP_SLOT_A].left, 3);
	assert_true(flip.slots[FLIP_SLOT_A].good);
	assert_int_equal(flip.slots[FLIP_SLOT_B].left, 9);
	assert_false(flip.slots[FLIP_SLOT_B].good);
	assert_int_equal(flip.turn, FLIP_SLOT_A);
	assert_string_equal(flip.tok, "235959");

	flip_render(&flip, block);
	assert_memory_equal(block, wanted, FLIP_BLOCK_SIZE);

	flip_text(&flip, text);
	assert_string_equal(text, "b,3,1,9,0,a,235959");
	assert_int_equal(flip_from_text(text, &read_back), 0);
	assert_true(flip_equal(&flip, &read_back));
}

static void test_installed(void **state)
{
	static const char wanted[] = HEADER "v=1\nslot=a\na_left=4\na_good=0\nb_left=0\nb_good=0\n"
					    "turn=a\ntok=000000\nend=1\n####";
	uint8_t block[FLIP_BLOCK_SIZE];
	struct flip flip;

	(void)state;
	flip_init(&flip);
	flip_render(&flip, block);
	assert_memory_equal(block, wanted, sizeof(wanted) - 1);
}

static void test_bad_text(void **state)
{
	static const char *const texts[] = {
		"",
		"a",
		"a,4,0,0,0,a",
		"a,4,0,0,0,a,",
		"a,4,0,0,0,a,12345",
		"a,4,0,0,0,a,123456,",
		"a,4,0,0,0,a,123456 ",
		"c,4,0,0,0,a,123456",
		"a,10,0,0,0,a,123456",
		"a,,0,0,0,a,123456",
		"a,4,0,0,0,a,1234567890",
	};
	struct flip flip;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(flip_from_text(texts[i], &flip), -EINVAL);
}

static void test_saving_keeps_the_width(void **state)
{
	uint8_t before[FLIP_BLOCK_SIZE], after[FLIP_BLOCK_SIZE];
	struct flip flip;

	(void)state;
	flip_init(&flip);
	flip_render(&flip, before);
	memcpy(after, before, FLIP_BLOCK_SIZE);
	flip.slots[FLIP_SLOT_A].left = 3;
	flip_save_like_grub(&flip, after);
	for (size_t i = 0, changed = 0; i < FLIP_BLOCK_SIZE; i++) {
		changed += before[i] != after[i];
		assert_true(changed <= 1);
	}
	flip_render(&flip, before);
	assert_memory_equal(before, after, FLIP_BLOCK_SIZE);
}

static void test_saving_into_damage(void **state)
{
	static const struct {
		const char *name, *text;
		bool heals;
	} rows[] = {
		{"a bad value", HEADER "v=1\nslot=c\na_left=10\n", true},
		{"a name twice: the first is set, the last counts", WHOLE "turn=c\n", false},
		{"header alone", HEADER, true},
		{"a line without = swallows the next", HEADER "junk\n" WHOLE, false},
		{"no header", "x=1\n", false},
		{"no newline before the free space", HEADER "v=1", false},
		{"a swallowed name that save finds again", HEADER "v=1\njunk\nend=0\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t block[FLIP_BLOCK_SIZE];
		struct flip flip, found;
		bool healed;

		fill(block, rows[i].text, strlen(rows[i].text));
		flip_init(&flip);
		flip_save_like_grub(&flip, block);
		healed = flip_parse(block, &found, NULL) == 0 && flip_equal(&flip, &found);
		if (healed != rows[i].heals)
			fail_msg("%s: %s", rows[i].name, healed ? "healed" : "not healed");
	}
}

static void test_full_block(void **state)
{
	uint8_t block[64];

	(void)state;
	envblk_init(block, sizeof(block));
	assert_true(envblk_set(block, sizeof(block), "a", "12345"));
	assert_true(envblk_set(block, sizeof(block), "b", "123456789012345678901234567"));
	assert_false(envblk_set(block, sizeof(block), "c", "1"));
	assert_false(envblk_set(block, sizeof(block), "a", "12345678"));
	assert_true(envblk_set(block, sizeof(block), "a", "1"));
	assert_true(envblk_set(block, sizeof(block), "a", "12345"));
	assert_int_equal(block[sizeof(block) - 1], '#');
}

static void test_args(void **state)
{
	static const struct {
		const char *text;
		bool permitted;
	} rows[] = {
		{"", true},
		{"console=ttyS0,115200 quiet", true},
		{"memmap=64M$1G pci=nomsi,noaer", true},
		{" two  blanks ", true},
		{"proa.debug=1", true},
		{"panicky=1", true},
		{"panic=0", false},
		{"quiet oops=continue", false},
		{"proa.slot=b", false},
		{"proa.lastresort", false},
		{"quiet -- single", false},
		{"dyndbg=\"file a.c +p\"", false},
		{"a\\b", false},
		{"a*", false},
		{"a\tb", false},
		{"a\nb", false},
		{"caf\xc3\xa9", false},
	};
	char long_text[ARGS_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = ERROR_INIT;
		int r = args_check(rows[i].text, &err);

		if ((r == 0) != rows[i].permitted)
			fail_msg("\"%s\": %s", rows[i].text, r == 0 ? "permitted" : err.message);
	}
	memset(long_text, 'x', sizeof(long_text));
	long_text[ARGS_MAX + 1] = '\0';
	assert_int_equal(args_check(long_text, NULL), -EINVAL);
	long_text[ARGS_MAX] = '\0';
	assert_int_equal(args_check(long_text, NULL), 0);
}

static void test_args_file(void **state)
{
	static uint8_t file[FLIPFS_ARGS_SIZE], other[FLIPFS_ARGS_SIZE];
	struct args args = {.text = "console=ttyS0 quiet", .menu = true}, found;

	(void)state;
	args_render(&args, file);
	assert_int_equal(args_parse(file, &found, NULL), 0);
	assert_string_equal(found.text, args.text);
	assert_true(found.menu);

	/* What GRUB clears lies in the first sector, alone. */
	args.menu = false;
	args_render(&args, other);
	assert_memory_equal(file + 512, other + 512, FLIPFS_ARGS_SIZE - 512);
	assert_int_equal(args_parse(other, &found, NULL), 0);
	assert_false(found.menu);

	memset(args.text, 'x', ARGS_MAX);
	args_render(&args, file);
	assert_int_equal(args_parse(file, &found, NULL), 0);
	assert_int_equal(strlen(found.text), ARGS_MAX);

	file[0] = 'x';
	assert_int_equal(args_parse(file, &found, NULL), -EBADMSG);
	memset(other + ENVBLK_HEADER_SIZE, 0, sizeof(other) - ENVBLK_HEADER_SIZE);
	assert_int_equal(args_parse(other, &found, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_installed),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_saving_keeps_the_width),
		cmocka_unit_test(test_saving_into_damage),
		cmocka_unit_test(test_full_block),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_args_file),
	};

	return cmocka_run_group_tests_name("flip block", tests, NULL, NULL);
}
