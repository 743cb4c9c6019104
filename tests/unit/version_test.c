/* Which version is newer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/version.h"

static void test_versions(void **state)
{
	static const char *const rising[] = {
		"0",         "1.0",       "2026.9.0",  "2026.11.0~rc2", "2026.11.0~rc10",
		"2026.11.0", "2026.11.1", "2026.11.9", "2026.11.10",    "2027.1.0"};

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(rising) / sizeof(*rising); i++) {
		print_message("  %s\n", rising[i]);
		assert_true(version_compare(rising[i], rising[i + 1]) < 0);
		assert_true(version_compare(rising[i + 1], rising[i]) > 0);
		assert_int_equal(version_compare(rising[i], rising[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
