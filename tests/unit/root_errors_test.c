/* What the kernel's log says of the disk under the root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

#include "init/supervise/root_errors.h"

static const struct root_area area = {"sda", 2048, 4096};

/* As Linux 6.12 writes them; flags, segments and class follow. */
#define REST " flags 0x80700 phys_seg 1 prio class 0\n"

static const struct {
	const char *record;
	bool matches;
} rows[] = {
	{"3,612,9512001,-;I/O error, dev sda, sector 2048 op 0x0:(READ)" REST, true},
	{"3,612,9512001,-;I/O error, dev sda, sector 6143 op 0x0:(READ)" REST, true},
	{"3,1,2,-,caller=T1;critical medium error, dev sda, sector 3000 op 0x0:(READ)" REST, true},
	{"2,1,2,-;timeout error, dev sda, sector 3000 op 0x0:(READ)" REST " DEVICE=b8:0\n", true},
	/* beside the slot, on another disk, of another kind */
	{"3,1,2,-;I/O error, dev sda, sector 2047 op 0x0:(READ)" REST, false},
	{"3,1,2,-;I/O error, dev sda, sector 6144 op 0x0:(READ)" REST, false},
	{"3,1,2,-;I/O error, dev sdaa, sector 3000 op 0x0:(READ)" REST, false},
	{"3,1,2,-;I/O error, dev sd, sector 3000 op 0x0:(READ)" REST, false},
	{"3,1,2,-;I/O error, dev sda, sector 3000 op 0x1:(WRITE)" REST, false},
	{"3,1,2,-;Buffer I/O error on dev sda, logical block 375, async page read\n", false},
	/* a program's words, and a device's name */
	{"11,1,2,-;I/O error, dev sda, sector 3000 op 0x0:(READ)" REST, false},
	{"6,1,2,-;usb 1-1: Product: I/O error, dev sda, sector 3000 op 0x0:(READ)\n", false},
	/* cut short, or nothing of the kind */
	{"3,1,2,-;I/O error, dev sda, sector 3000 op 0x0:(REA", false},
	{"3,1,2,-;I/O error, dev sda, sector ", false},
	{"3,1,2,-;I/O error, dev ", false},
	{"3,1,2,-;I/O error, dev , sector 3000 op 0x0:(READ)", false},
	{"I/O error, dev sda, sector 3000 op 0x0:(READ)", false},
	{";I/O error, dev sda, sector 3000 op 0x0:(READ)", false},
	{"", false},
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  %s\n", rows[i].record);
		assert_int_equal(root_errors_match(rows[i].record, &area), rows[i].matches);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
