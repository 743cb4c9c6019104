/* The least epoch that the state partition remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/epoch.h"
#include "tests/unit/support/scratch.h"

static void test_epoch(void **state)
{
	static const struct {
		const char *text;
		uint64_t seen;
	} files[] = {
		{"epoch=7\n", 7},  {"other=1\nepoch=7\n", 7},
		{"epoch=\n", 0},   {"epoch=-1\n", 0},
		{"", 0},           {"epoch=18446744073709551615\n", UINT64_MAX},
		{"epoch=7x\n", 0},
	};

	(void)state;
	assert_int_equal(epoch_seen("epoch"), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		scratch_put("epoch", files[i].text);
		if (epoch_seen("epoch") != files[i].seen)
			fail_msg("%s", files[i].text);
	}
	scratch_put("epoch", "rubbish");
	assert_int_equal(epoch_remember("epoch", 3, NULL), 0);
	assert_int_equal(epoch_seen("epoch"), 3);
	/* Never lower. */
	assert_int_equal(epoch_remember("epoch", 2, NULL), 0);
	assert_int_equal(epoch_seen("epoch"), 3);
	assert_true(epoch_remember("no/such/folder", 4, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_epoch, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
