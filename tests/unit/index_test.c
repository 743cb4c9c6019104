/* The chunk index, and the cuts that it lists. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/format/chunker.h"
#include "lib/format/index.h"
#include "tests/unit/support/folder.h"

/* Two frames of two chunks each: 10 + 20 and 30 + 40 bytes of image. */
enum {
	FRAMES = 2,
	CHUNKS = 4,
	FRAME_AT = INDEX_HEADER_SIZE,
	CHUNK_AT = FRAME_AT + FRAMES * INDEX_FRAME_SIZE,
	SIZE = CHUNK_AT + CHUNKS * INDEX_CHUNK_SIZE,
};

static const struct index_frame GOOD_FRAMES[FRAMES] = {
	{.offset = 0, .packed_size = 5, .raw_size = 30},
	{.offset = 5, .packed_size = 7, .raw_size = 70},
};
static const struct index_chunk GOOD_CHUNKS[CHUNKS] = {
	{.sha256 = {1}, .size = 10, .frame = 0, .frame_offset = 0},
	{.sha256 = {2}, .size = 20, .frame = 0, .frame_offset = 10},
	{.sha256 = {3}, .size = 30, .frame = 1, .frame_offset = 0},
	{.sha256 = {4}, .size = 40, .frame = 1, .frame_offset = 30},
};

static uint8_t *good(size_t *size)
{
	uint8_t *bytes = NULL;
	struct error err = ERROR_INIT;

	if (index_render(GOOD_FRAMES, FRAMES, GOOD_CHUNKS, CHUNKS, 100, &bytes, size, &err) < 0)
		fail_msg("%s", err.message);
	return bytes;
}

static void reads_what_it_wrote(void **state)
{
	struct index index;
	size_t size = 0;
	uint8_t *bytes = good(&size);

	(void)state;
	assert_int_equal(size, SIZE);
	assert_memory_equal(bytes, "PROAINDX\1\0\0\0\2\0\0\0\4\0\0\0\0\0\0\0d\0\0\0\0\0\0\0", 32);
	assert_int_equal(index_parse(bytes, size, &index, NULL), 0);
	assert_int_equal(index.image_size, 100);
	assert_int_equal(index.data_size, 12);
	for (uint32_t i = 0; i < FRAMES; i++)
		assert_int_equal(index_frame_at(&index, i).packed_size, GOOD_FRAMES[i].packed_size);
	for (uint32_t i = 0; i < CHUNKS; i++) {
		struct index_chunk chunk = index_chunk_at(&index, i);

		assert_memory_equal(chunk.sha256, GOOD_CHUNKS[i].sha256, HASH_SIZE);
		assert_int_equal(chunk.size, GOOD_CHUNKS[i].size);
		assert_int_equal(chunk.frame, GOOD_CHUNKS[i].frame);
		assert_int_equal(chunk.frame_offset, GOOD_CHUNKS[i].frame_offset);
	}
	index_free(&index);
}

/* One 32-bit value of the good index changed. */
static void broken_values(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint32_t value;
		int expected;
	} rows[] = {
		{"unchanged", 12, FRAMES, 0},
		{"magic", 4, 0, -EBADMSG},
		{"format 0", 8, 0, -EBADMSG},
		{"format 2", 8, 2, -EBADMSG},
		{"reserved bytes used", 20, 1, -EBADMSG},
		{"one frame less", 12, FRAMES - 1, -EBADMSG},
		{"frames at the limit", 12, INDEX_FRAMES_MAX, -EBADMSG},
		{"frames one past the limit", 12, INDEX_FRAMES_MAX + 1, -EFBIG},
		{"4 G frames", 12, UINT32_MAX, -EFBIG},
		{"one chunk more", 16, CHUNKS + 1, -EBADMSG},
		{"chunks at the limit", 16, INDEX_CHUNKS_MAX, -EBADMSG},
		{"chunks one past the limit", 16, INDEX_CHUNKS_MAX + 1, -EFBIG},
		{"image one byte larger", 24, 101, -EBADMSG},
		{"image of 4 GiB more", 28, 1, -EBADMSG},
		{"first frame not at 0", FRAME_AT, 1, -EBADMSG},
		{"frames overlap", FRAME_AT + 16, 4, -EBADMSG},
		{"gap between frames", FRAME_AT + 16, 6, -EBADMSG},
		{"frame offset of 4 GiB", FRAME_AT + 20, 1, -EBADMSG},
		{"empty packed frame", FRAME_AT + 16 + 8, 0, -EBADMSG},
		{"packed frame at the limit", FRAME_AT + 16 + 8, INDEX_FRAME_PACKED_MAX, 0},
		{"packed frame one past it", FRAME_AT + 16 + 8, INDEX_FRAME_PACKED_MAX + 1,
		 -EBADMSG},
		{"empty raw frame", FRAME_AT + 12, 0, -EBADMSG},
		{"raw frame past its chunks", FRAME_AT + 12, 31, -EBADMSG},
		{"raw frame one past the limit", FRAME_AT + 12, INDEX_FRAME_RAW_MAX + 1, -EBADMSG},
		{"empty chunk", CHUNK_AT + 32, 0, -EBADMSG},
		{"chunk past its frame", CHUNK_AT + 32, 31, -EBADMSG},
		{"chunk of 4 GiB", CHUNK_AT + 32, UINT32_MAX, -EBADMSG},
		{"gap behind a chunk", CHUNK_AT + 32, 9, -EBADMSG},
		{"chunk in a frame to come", CHUNK_AT + 36, 1, -EBADMSG},
		{"chunk in no frame", CHUNK_AT + 36, FRAMES, -EBADMSG},
		{"chunk out of place", CHUNK_AT + 44 + 40, 11, -EBADMSG},
		{"last chunk short", CHUNK_AT + 3 * 44 + 32, 39, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct index index;
		size_t size = 0;
		_cleanup_free_ uint8_t *bytes = good(&size);
		int r;

		bytes_put_le32(bytes + rows[i].at, rows[i].value);
		r = index_parse(bytes, size, &index, NULL);
		if (r != rows[i].expected)
			fail_msg("%s: %d", rows[i].name, r);
	}
}

static int read_file(const uint8_t *bytes, size_t size)
{
	_cleanup_free_ uint8_t *copy = malloc(size ? size : 1);
	struct index index;

	memcpy(copy, bytes, size);
	return index_parse(copy, size, &index, NULL);
}

static void files(void **state)
{
	static const struct folder_row rows[] = {
		{"good", 0},
		{"header-only", 0},
		{"empty", -EBADMSG},
		{"cut", -EBADMSG},
		{"trailing-byte", -EBADMSG},
		{"format-2", -EBADMSG},
		{"counts-4g", -EFBIG},
		{"chunk-gap", -EBADMSG},
		{"chunk-overlap", -EBADMSG},
		{"chunk-empty", -EBADMSG},
		{"frame-overlap", -EBADMSG},
		{"frame-too-large", -EBADMSG},
	};

	(void)state;
	folder_check("testdata/indexes", rows, sizeof(rows) / sizeof(rows[0]), read_file);
}

static void every_cut_is_refused(void **state)
{
	size_t size = 0;
	_cleanup_free_ uint8_t *bytes = good(&size);
	struct index index;

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		/* A copy of just that size: the sanitizers see every byte read past it. */
		_cleanup_free_ uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, bytes, cut);
		assert_int_equal(index_parse(copy, cut, &index, NULL), -EBADMSG);
	}
}

/* The largest frame and chunk are taken, one byte more is not. */
static void size_limits(void **state)
{
	enum { COUNT = INDEX_FRAME_RAW_MAX / INDEX_CHUNK_BYTES_MAX };
	struct index_frame frame = {.packed_size = INDEX_FRAME_PACKED_MAX,
				    .raw_size = INDEX_FRAME_RAW_MAX};
	static struct index_chunk chunks[COUNT + 1];
	uint8_t *bytes = NULL;
	size_t size = 0;

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		chunks[i] = (struct index_chunk){.size = INDEX_CHUNK_BYTES_MAX,
						 .frame_offset = i * INDEX_CHUNK_BYTES_MAX};
	assert_int_equal(index_render(&frame, 1, chunks, COUNT, INDEX_FRAME_RAW_MAX, &bytes, &size,
				      NULL),
			 0);
	free(bytes);
	chunks[COUNT] = (struct index_chunk){.size = 1, .frame_offset = INDEX_FRAME_RAW_MAX};
	frame.raw_size++;
	assert_int_equal(index_render(&frame, 1, chunks, COUNT + 1, INDEX_FRAME_RAW_MAX + 1, &bytes,
				      &size, NULL),
			 -EBADMSG);
	frame.raw_size = INDEX_CHUNK_BYTES_MAX + 1;
	chunks[0].size = INDEX_CHUNK_BYTES_MAX + 1;
	assert_int_equal(index_render(&frame, 1, chunks, 1, frame.raw_size, &bytes, &size, NULL),
			 -EBADMSG);
	assert_int_equal(index_render(&frame, INDEX_FRAMES_MAX + 1, chunks, 1, 1, &bytes, &size,
				      NULL),
			 -EFBIG);
	assert_int_equal(index_render(&frame, 1, chunks, INDEX_CHUNKS_MAX + 1, 1, &bytes, &size,
				      NULL),
			 -EFBIG);
}

/* splitmix64, as the gear table is made and as noise. */
static uint64_t splitmix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

enum { NOISE = 4 << 20 };

static uint8_t *noise(void)
{
	uint8_t *bytes = malloc(NOISE + 1);

	for (size_t i = 0; i < NOISE; i++)
		bytes[i] = (uint8_t)(splitmix(i + 1) >> 56);
	return bytes;
}

static size_t cut_all(const uint8_t *data, size_t size, size_t *cuts)
{
	size_t count = 0;

	for (size_t at = 0; at < size;) {
		at += chunker_cut(data + at, size - at);
		cuts[count++] = at;
	}
	return count;
}

static void cuts_are_bounded(void **state)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, NOISE), *bytes = noise();
	size_t cuts[NOISE / CHUNKER_MIN + 1], count, last = 0;

	(void)state;
	count = cut_all(bytes, NOISE, cuts);
	for (size_t i = 0; i < count; i++) {
		assert_true(cuts[i] - last <= CHUNKER_MAX);
		assert_true(cuts[i] - last > CHUNKER_MIN || i == count - 1);
		last = cuts[i];
	}
	/* On noise the mean length is near the average that was asked for. */
	assert_in_range(NOISE / count, CHUNKER_AVERAGE * 3 / 4, CHUNKER_AVERAGE * 5 / 4);
	assert_int_equal(chunker_cut(zeros, NOISE), CHUNKER_MAX);
	assert_int_equal(chunker_cut(zeros, CHUNKER_MIN), CHUNKER_MIN);
	assert_int_equal(chunker_cut(zeros, 1), 1);
}

/* The cuts are a format: these must never change (DESIGN §6 finds chunks by them). */
static void cuts_are_these(void **state)
{
	static const size_t expected[] = {38579, 72709, 115553, 153197, 184039, 227348, 248460, 284886};
	size_t cuts[NOISE / CHUNKER_MIN + 1];
	_cleanup_free_ uint8_t *bytes = noise();

	(void)state;
	cut_all(bytes, NOISE, cuts);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(cuts[i], expected[i]);
}

/* One byte put in front moves the first cuts; soon they are the same again. */
static void cuts_come_back(void **state)
{
	static size_t before[NOISE / CHUNKER_MIN + 1], after[NOISE / CHUNKER_MIN + 1];
	_cleanup_free_ uint8_t *bytes = noise();
	size_t count, moved_count, same = 0;

	(void)state;
	count = cut_all(bytes, NOISE, before);
	memmove(bytes + 1, bytes, NOISE);
	bytes[0] = 'x';
	moved_count = cut_all(bytes, NOISE + 1, after);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < moved_count; k++)
			same += after[k] == before[i] + 1;
	assert_true(same + 8 >= count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote), cmocka_unit_test(broken_values),
		cmocka_unit_test(files),
		cmocka_unit_test(every_cut_is_refused), cmocka_unit_test(size_limits),
		cmocka_unit_test(cuts_are_bounded),    cmocka_unit_test(cuts_are_these),
		cmocka_unit_test(cuts_come_back),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
