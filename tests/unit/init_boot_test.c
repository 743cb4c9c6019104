/* Stage 1's rules: which disk, which uevent; and the facts that it leaves to PID 1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "init/boot/find_root.h"
#include "init/boot/uevent.h"
#include "init/facts.h"

static const struct {
	const char *rule;
	size_t count;
	bool holds[3];
	bool settled;
	enum find_answer answer;
	size_t chosen;
} disks[] = {
	{"no disk yet", 0, {false}, false, FIND_WAIT, 0},
	{"no disk, however long", 0, {false}, true, FIND_WAIT, 0},
	{"one disk with the block: at once", 1, {true}, false, FIND_DECIDED, 0},
	{"one disk without it: others may come", 1, {false}, false, FIND_WAIT, 0},
	{"one disk alone, whatever its block says", 1, {false}, true, FIND_DECIDED, 0},
	{"a clone in front", 2, {false, true}, false, FIND_DECIDED, 1},
	{"a clone behind", 2, {true, false}, true, FIND_DECIDED, 0},
	{"two clones, one holds it", 3, {false, true, false}, true, FIND_DECIDED, 1},
	{"both hold it: wait, then nothing decides", 2, {true, true}, false, FIND_WAIT, 0},
	{"both hold it", 2, {true, true}, true, FIND_UNDECIDED, 0},
	{"neither holds it (saving failed)", 2, {false, false}, true, FIND_UNDECIDED, 0},
};

static void test_find_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(disks) / sizeof(*disks); i++) {
		struct candidate candidates[3] = {0};
		size_t chosen = 0;

		print_message("  %s\n", disks[i].rule);
		for (size_t n = 0; n < 3; n++)
			candidates[n].holds_block = disks[i].holds[n];
		assert_int_equal(find_choose(candidates, disks[i].count, disks[i].settled, &chosen),
				 disks[i].answer);
		assert_int_equal(chosen, disks[i].chosen);
	}
}

#define MESSAGE(text) text, sizeof(text) /* its own NUL counts, as the kernel sends one */

static const struct {
	const char *rule, *message;
	size_t size;
	int result;
	const char *action, *subsystem, *modalias;
} uevents[] = {
	{"a disk", MESSAGE("add@/devices/x\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=vda"), 0, "add",
	 "block", ""},
	{"a device", MESSAGE("add@/devices/y\0ACTION=add\0MODALIAS=virtio:d2v1\0SUBSYSTEM=virtio"), 0,
	 "add", "virtio", "virtio:d2v1"},
	{"no action", MESSAGE("add@/devices/y\0SUBSYSTEM=virtio"), -EBADMSG, NULL, NULL, NULL},
	{"a message of udev's own", MESSAGE("libudev\0ACTION=add"), 0, "add", "", ""},
	{"the header alone", MESSAGE("add@/devices/y"), -EBADMSG, NULL, NULL, NULL},
	{"nothing", "", 0, -EBADMSG, NULL, NULL, NULL},
	{"a variable without a value", MESSAGE("a@b\0ACTION\0ACTION=\0MODALIAS"), -EBADMSG, NULL, NULL,
	 NULL},
};

static void test_uevents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uevents) / sizeof(*uevents); i++) {
		struct uevent got;
		bool udev = strncmp(uevents[i].message, "libudev", 7) == 0;

		print_message("  %s\n", uevents[i].rule);
		/* Without an @ in the header it is not the kernel's. */
		assert_int_equal(uevent_parse(uevents[i].message, uevents[i].size, &got),
				 udev ? -EBADMSG : uevents[i].result);
		if (udev || uevents[i].result < 0)
			continue;
		assert_string_equal(got.action, uevents[i].action);
		assert_string_equal(got.subsystem, uevents[i].subsystem);
		assert_string_equal(got.modalias, uevents[i].modalias);
	}
}

static void test_facts(void **state)
{
	char text[] = "slot=b\nversion=2026.11.0\ndisk=/dev/vda\ngood=1\nboot=12\nunknown=x\n"
		      "no equals sign\nt_root=4711\nkernel_args=quiet proa.slot=b x=y\n";
	static const char *const broken[] = {
		"", "slot=c\n", "slot=ab\n", "slot=\n", "slot=a\ngood=2\n", "slot=a\nboot=12x\n",
		"slot=a\nboot=\n", "slot=a\nboot=99999999999999999999999\n",
		"slot=a\ndisk=/dev/a-name-that-is-longer-than-any-device-node-can-be-here\n",
	};
	struct facts got;

	(void)state;
	assert_int_equal(facts_parse(text, &got, NULL), 0);
	assert_int_equal(got.slot, 'b');
	assert_string_equal(got.version, "2026.11.0");
	assert_string_equal(got.disk, "/dev/vda");
	assert_true(got.good);
	assert_int_equal(got.boot, 12);
	assert_int_equal(got.t_root, 4711);
	assert_string_equal(got.kernel_args, "quiet proa.slot=b x=y");
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		char copy[128];

		snprintf(copy, sizeof(copy), "%s", broken[i]);
		print_message("  %s\n", broken[i]);
		assert_int_equal(facts_parse(copy, &got, NULL), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_choose),
		cmocka_unit_test(test_uevents),
		cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
