/* The installer's plan, for a table of disks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "installer/plan.h"
#include "lib/size.h"

#define MIB LAYOUT_MIB
#define GIB LAYOUT_GIB
#define TIB (1024 * GIB)

static const struct {
	const char *rule;
	struct plan_request request; /* disk, sector, image, slot */
	int expected;
	const char *says;     /* part of the message */
	uint64_t slot, state; /* bytes, where it succeeds */
} DISKS[] = {
	{"4 GiB must do", {4 * GIB, 512, 600 * MIB, 0}, 0, "", 1201 * MIB, 1624 * MIB},
	{"8 GiB, small image: 1 GiB at the least", {8 * GIB, 512, 200 * MIB, 0}, 0, "", GIB, 0},
	{"an image that just fits twice into 1 GiB",
	 {8 * GIB, 512, 512 * MIB - 32 * 1024, 0},
	 0,
	 "",
	 GIB,
	 0},
	{"one byte more needs a MiB more",
	 {8 * GIB, 512, 512 * MIB - 32 * 1024 + 1, 0},
	 0,
	 "",
	 1025 * MIB,
	 0},
	{"slots grow with the disk", {32 * GIB, 512, 600 * MIB, 0}, 0, "", 2 * GIB, 0},
	{"up to 4 GiB", {3 * TIB, 512, 600 * MIB, 0}, 0, "", 4 * GIB, 0},
	{"unless the image asks for more", {3 * TIB, 512, 3 * GIB, 0}, 0, "", 6 * GIB + MIB, 0},
	{"4096-byte sectors: a larger ESP",
	 {4 * GIB, 4096, 200 * MIB, 0},
	 0,
	 "",
	 GIB,
	 4 * GIB - 270 * MIB - 2 * GIB},
	{"a slot size that was asked for", {8 * GIB, 512, 200 * MIB, 3 * GIB}, 0, "", 3 * GIB, 0},
	{"rounded up to whole MiB", {8 * GIB, 512, 200 * MIB, 2 * GIB + 1}, 0, "", 2049 * MIB, 0},
	{"a disk that ends inside a MiB",
	 {4 * GIB + 512, 512, 200 * MIB, 0},
	 0,
	 "",
	 GIB,
	 4 * GIB - 70 * MIB - 2 * GIB},
	{"the least disk", {69 * MIB + 2 * GIB + 513 * MIB, 512, 1, 0}, 0, "", GIB, 512 * MIB},
	{"one sector less",
	 {69 * MIB + 2 * GIB + 513 * MIB - 512, 512, 1, 0},
	 -ENOSPC,
	 "and 2.6 GiB (2757754880 bytes) are needed",
	 0,
	 0},
	{"empty disk", {0, 512, 1, 0}, -ENOSPC, "it has 0 B", 0, 0},
	{"slots asked for that do not fit",
	 {8 * GIB, 512, 200 * MIB, 4 * GIB},
	 -ENOSPC,
	 "8.6 GiB",
	 0,
	 0},
	{"a slot under 1 GiB", {8 * GIB, 512, 1, GIB - 1}, -EINVAL, "--slot-size 1.0 GiB", 0, 0},
	{"a slot under twice the image",
	 {8 * GIB, 512, 600 * MIB, 1200 * MIB},
	 -EINVAL,
	 "twice the image",
	 0,
	 0},
	{"sectors of 520 bytes", {8 * GIB, 520, 1, 0}, -EOPNOTSUPP, "520", 0, 0},
	{"sectors of 0 bytes", {8 * GIB, 0, 1, 0}, -EOPNOTSUPP, "512 and 4096", 0, 0},
	{"sizes that would overflow", {UINT64_MAX, 512, 1, 0}, -EINVAL, "beyond", 0, 0},
	{"an image that would overflow", {8 * GIB, 512, UINT64_MAX, 0}, -EINVAL, "beyond", 0, 0},
	{"a slot that would overflow", {8 * GIB, 512, 1, UINT64_MAX}, -EINVAL, "beyond", 0, 0},
};

/* What holds for every plan, whatever the disk. */
static void assert_sound(const struct plan *plan, const struct plan_request *request)
{
	uint64_t end = LAYOUT_START_BYTES;

	for (int i = 0; i < LAYOUT_PARTITIONS; i++) {
		const struct plan_partition *p = &plan->partitions[i];

		assert_int_equal(p->offset, end);
		assert_int_equal(p->offset % MIB, 0);
		assert_int_equal(p->size % MIB, 0);
		assert_true(p->size >= MIB);
		end = p->offset + p->size;
	}
	/* The backup GPT lies behind: 32 KiB would do for 512, 20 KiB for 4096. */
	assert_true(end + 16 * 1024 + request->sector_bytes <= request->disk_bytes);
	assert_true(request->disk_bytes - end <= 2 * MIB);
	assert_true(plan_partition(plan, LAYOUT_STATE)->size >= PLAN_STATE_BYTES_MIN);
	assert_int_equal(plan_partition(plan, LAYOUT_SLOT_A)->size,
			 plan_partition(plan, LAYOUT_SLOT_B)->size);
	assert_true(plan_partition(plan, LAYOUT_SLOT_A)->size >= 2 * request->image_bytes);
}

static void test_disks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(DISKS) / sizeof(DISKS[0]); i++) {
		struct error err = ERROR_INIT;
		struct plan plan;
		int r = plan_make(&DISKS[i].request, &plan, &err);

		if (r != DISKS[i].expected || !strstr(err.message, DISKS[i].says))
			fail_msg("%s: %d \"%s\"", DISKS[i].rule, r, err.message);
		if (r < 0)
			continue;
		assert_sound(&plan, &DISKS[i].request);
		if (plan_partition(&plan, LAYOUT_SLOT_A)->size != DISKS[i].slot ||
		    (DISKS[i].state && plan_partition(&plan, LAYOUT_STATE)->size != DISKS[i].state))
			fail_msg("%s: slot %llu, state %llu MiB", DISKS[i].rule,
				 (unsigned long long)(plan.partitions[3].size / MIB),
				 (unsigned long long)(plan.partitions[5].size / MIB));
	}
}

/* Machines in the field have these on disk. */
static void test_layout_is_a_format(void **state)
{
	static const struct {
		const char *label;
		uint64_t offset, size; /* MiB, 8 GiB disk */
	} expected[] = {{"proa-bios", 1, 2},  {"proa-esp", 3, 64},    {"proa-flip", 67, 2},
			{"proa-a", 69, 1024}, {"proa-b", 1093, 1024}, {"proa-state", 2117, 6074}};
	const struct plan_request request = {8 * GIB, 512, 200 * MIB, 0};
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&request, &plan, NULL), 0);
	for (size_t i = 0; i < LAYOUT_PARTITIONS; i++) {
		assert_string_equal(plan.partitions[i].label, expected[i].label);
		assert_int_equal(plan.partitions[i].offset, expected[i].offset * MIB);
		assert_int_equal(plan.partitions[i].size, expected[i].size * MIB);
	}
}

static void test_sizes_in_words(void **state)
{
	static const struct {
		const char *text;
		int expected;
		uint64_t bytes;
	} rows[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"1K", 0, 1024},
		{"1k", 0, 1024},
		{"4G", 0, 4 * GIB},
		{"4GiB", 0, 4 * GIB},
		{"3T", 0, 3 * TIB},
		{"", -EINVAL, 0},
		{"G", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1GB", -EINVAL, 0},
		{"1X", -EINVAL, 0},
		{"1Gi", -EINVAL, 0},
		{"1GiBs", -EINVAL, 0},
		{"1.5G", -EINVAL, 0},
		{"8388607T", 0, 8388607 * TIB},
		{"8388608T", -ERANGE, 0},
		{"99999999999999999999", -ERANGE, 0},
	};
	static const struct {
		uint64_t bytes;
		const char *text;
	} texts[] = {
		{0, "0 B"},           {1023, "1023 B"},         {1024, "1.0 KiB"},
		{GIB - 1, "1.0 GiB"}, {3 * TIB, "3.0 TiB"},     {UINT64_MAX, "16.0 EiB"},
		{1536, "1.5 KiB"},    {600 * MIB, "600.0 MiB"},
	};
	char text[SIZE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t bytes = 0;

		if (size_parse(rows[i].text, &bytes) != rows[i].expected || bytes != rows[i].bytes)
			fail_msg("size \"%s\": %llu", rows[i].text, (unsigned long long)bytes);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(size_text(texts[i].bytes, text), texts[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_layout_is_a_format),
		cmocka_unit_test(test_sizes_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
