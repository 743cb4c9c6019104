/* What the kernel's log says of the disk under the root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

#include "init/supervise/root_errors.h"

static const struct root_area area = {"sda", 2048, 4096}, nvme = {"nvme0n1", 2048, 4096};

/* As Linux 6.12 writes them. */
#define REST  " flags 0x0 phys_seg 1 prio class 2\n"
#define AHEAD " flags 0x80700 phys_seg 4 prio class 2\n"

static const struct {
	const char *record;
	const struct root_area *area;
	bool matches;
} rows[] = {
	{"3,612,9512001,-;I/O error, dev sda, sector 2048 op 0x0:(READ)" REST, &area, true},
	{"3,612,9512001,-;I/O error, dev sda, sector 6143 op 0x0:(READ)" REST, &area, true},
	{"3,1,2,-,caller=T1;critical medium error, dev sda, sector 3000 op 0x0:(READ)" REST, &area,
	 true},
	{"2,1,2,-;protection error, dev sda, sector 3000 op 0x0:(READ)" REST " DEVICE=b8:0\n",
	 &area, true},
	{"3,1,2,-;I/O error, dev nvme0n1, sector 3000 op 0x0:(READ)" REST, &nvme, true},
	{"3,1,2,-;I/O error, dev nvme0c2n1, sector 3000 op 0x0:(READ) flags 0x4000000 phys_seg 1\n",
	 &nvme, true},
	/* beside the slot, on another disk, of another kind */
	{"3,1,2,-;I/O error, dev sda, sector 2047 op 0x0:(READ)" REST, &area, false},
	{"3,1,2,-;I/O error, dev sda, sector 6144 op 0x0:(READ)" REST, &area, false},
	{"3,1,2,-;I/O error, dev sdaa, sector 3000 op 0x0:(READ)" REST, &area, false},
	{"3,1,2,-;I/O error, dev sd, sector 3000 op 0x0:(READ)" REST, &area, false},
	{"3,1,2,-;I/O error, dev nvme1c0n1, sector 3000 op 0x0:(READ)" REST, &nvme, false},
	{"3,1,2,-;I/O error, dev nvme0c0n2, sector 3000 op 0x0:(READ)" REST, &nvme, false},
	{"3,1,2,-;I/O error, dev sda, sector 3000 op 0x1:(WRITE)" REST, &area, false},
	{"3,1,2,-;Buffer I/O error on dev sda, logical block 375, async page read\n", &area, false},
	/* nobody has missed it; the way to the disk */
	{"3,1,2,-;I/O error, dev sda, sector 3000 op 0x0:(READ)" AHEAD, &area, false},
	{"3,1,2,-;I/O error, dev nvme0c0n1, sector 3000 op 0x0:(READ) flags 0x4080700 phys_seg 1\n",
	 &nvme, false},
	{"3,1,2,-;timeout error, dev sda, sector 3000 op 0x0:(READ)" REST, &area, false},
	{"3,1,2,-;recoverable transport error, dev sda, sector 3000 op 0x0:(READ)" REST, &area,
	 false},
	/* a program's words; a name that a program or a device has given itself */
	{"11,1,2,-;I/O error, dev sda, sector 3000 op 0x0:(READ)" REST, &area, false},
	{"6,1,2,-;usb 1-1: Product: I/O error, dev sda, sector 3000 op 0x0:(READ)" REST, &area,
	 false},
	{"4,1,2,-;process 'x I/O error, dev sda, sector 3000 op 0x0:(READ) flags 0x0' started with "
	 "executable stack\n",
	 &area, false},
	/* cut short, or nothing of the kind */
	{"3,1,2,-;I/O error, dev sda, sector 3000 op 0x0:(READ) flags ", &area, false},
	{"3,1,2,-;I/O error, dev sda, sector 3000 op 0x0:(REA", &area, false},
	{"3,1,2,-;I/O error, dev sda, sector ", &area, false},
	{"3,1,2,-;I/O error, dev ", &area, false},
	{"3,1,2,-;I/O error, dev , sector 3000 op 0x0:(READ)" REST, &area, false},
	{"I/O error, dev sda, sector 3000 op 0x0:(READ)" REST, &area, false},
	{";I/O error, dev sda, sector 3000 op 0x0:(READ)" REST, &area, false},
	{"", &area, false},
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  %s\n", rows[i].record);
		assert_int_equal(root_errors_match(rows[i].record, rows[i].area), rows[i].matches);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
