/* The kernel command line as GRUB passes it, and as it must not be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "init/boot/cmdline.h"

#define UUID "5a4c01f6-9c3e-4d5b-8f0e-b7c3a0f1d2e6"

static const struct {
	const char *rule, *line;
	int result;
	char slot;
	const char *root, *flip;
	bool unsaved, fellback, lastresort, debug;
} rows[] = {
	{"what GRUB passes is taken",
	 "panic=5 oops=panic proa.slot=a proa.root=" UUID " proa.flip=a,3,0,0,0,a,101112 quiet\n", 0,
	 'a', UUID, "a,3,0,0,0,a,101112", false, false, false, false},
	{"every flag", "proa.slot=b proa.root=" UUID " proa.unsaved=1 proa.fellback=1 proa.lastresort=1 "
		       "proa.debug=1", 0, 'b', UUID, "", true, true, true, true},
	{"a flag that is not 1 is not set", "proa.slot=b proa.root=" UUID " proa.debug=0 proa.unsaved "
					    "proa.fellback=11", 0, 'b', UUID, "", false, false, false,
	 false},
	{"the first of two counts: GRUB's own come first",
	 "proa.slot=a proa.root=" UUID " proa.slot=b", 0, 'a', UUID, "", false, false, false, false},
	{"an upper-case PARTUUID is made lower case",
	 "proa.slot=a proa.root=5A4C01F6-9C3E-4D5B-8F0E-B7C3A0F1D2E6", 0, 'a', UUID, "", false,
	 false, false, false},
	{"no arguments at all", "", -EINVAL, 0, "", "", false, false, false, false},
	{"no slot", "proa.root=" UUID, -EINVAL, 0, "", "", false, false, false, false},
	{"a third slot", "proa.slot=c proa.root=" UUID, -EINVAL, 0, "", "", false, false, false, false},
	{"two letters", "proa.slot=ab proa.root=" UUID, -EINVAL, 0, "", "", false, false, false, false},
	{"no root", "proa.slot=a proa.debug=1", -EINVAL, 'a', "", "", false, false, false, true},
	{"a device is no PARTUUID", "proa.slot=a proa.root=/dev/vda4", -EINVAL, 'a', "", "", false,
	 false, false, false},
	{"a PARTUUID one digit short", "proa.slot=a proa.root=5a4c01f6-9c3e-4d5b-8f0e-b7c3a0f1d2e",
	 -EINVAL, 'a', "", "", false, false, false, false},
	{"a PARTUUID one digit long", "proa.slot=a proa.root=" UUID "0", -EINVAL, 'a', "", "", false,
	 false, false, false},
	{"a value as long as a line", "proa.slot=a proa.root=" UUID UUID UUID, -EINVAL, 'a', "", "",
	 false, false, false, false},
	{"a name that only ends in ours", "xproa.slot=a proa.root=" UUID, -EINVAL, 0, "", "", false,
	 false, false, false},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cmdline got;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].rule);
		assert_int_equal(cmdline_parse(rows[i].line, &got, &err), rows[i].result);
		assert_int_equal(got.slot, rows[i].slot);
		assert_string_equal(got.root, rows[i].root);
		assert_string_equal(got.flip, rows[i].flip);
		assert_int_equal(got.unsaved, rows[i].unsaved);
		assert_int_equal(got.fellback, rows[i].fellback);
		assert_int_equal(got.lastresort, rows[i].lastresort);
		assert_int_equal(got.debug, rows[i].debug);
		assert_null(strchr(got.all, '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
