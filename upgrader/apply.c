#include "upgrader/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/format/frame.h"
#include "lib/format/slot_output.h"
#include "lib/io.h"
#include "lib/progress.h"
#include "upgrader/chunks.h"

/* Two parts of the data this near to each other are fetched as one: a request costs more. */
enum { NEAR = 64 << 10 };

/* Taken from the pipe at once: a slow line's progress is to be seen. */
enum { STEP = 16 << 10 };

enum source { FROM_NETWORK, FROM_RUNNING, FROM_TARGET };

struct apply_work {
	struct apply *apply;
	const struct index *index;
	struct chunks have; /* of the running slot */
	uint8_t *sources;   /* an enum source for each chunk */
	uint8_t *wanted;    /* for each frame: does a chunk of it come over the network? */
	struct fetch_range *ranges;
	size_t range_count;
	struct fetch *fetch;
	struct fetch_options options; /* whose url is the address in use */
	uint64_t stream;              /* where in the file the next byte of the pipe belongs */
	size_t range;                 /* the one that it is of */
	uint64_t came, to_fetch;      /* bytes, of all ranges */
	struct hash *hash;
	ZSTD_DCtx *zstd;
	uint8_t *packed, *raw, *chunk;
	struct slot_output *output;
	struct progress progress;
};

void apply_end(struct apply_work *w)
{
	if (!w)
		return;
	fetch_stop(w->fetch, NULL, NULL);
	slot_output_end(w->output);
	chunks_free(&w->have);
	hash_free(w->hash);
	ZSTD_freeDCtx(w->zstd);
	free(w->sources);
	free(w->wanted);
	free(w->ranges);
	free(w->packed);
	free(w->raw);
	free(w->chunk);
	free(w);
}

static void cleanup_work(struct apply_work **w)
{
	apply_end(*w);
}

static int has_hash(struct apply_work *w, const uint8_t *data, const struct index_chunk *chunk)
{
	uint8_t digest[HASH_SIZE];
	int r = hash_reset(w->hash);

	if (r == 0)
		r = hash_update(w->hash, data, chunk->size);
	if (r == 0)
		r = hash_final(w->hash, digest);
	return r < 0 ? r : memcmp(digest, chunk->sha256, HASH_SIZE) == 0;
}

static void cut(void *context, uint64_t done)
{
	progress_update(context, done);
}

/* ---- what is there ---- */

static int read_running(struct apply_work *w, struct error *err)
{
	const struct apply *a = w->apply;
	int r;

	progress_start(&w->progress, a->progress, PROGRESS_LOOK, a->to.letter == 'a' ? 'b' : 'a',
		       a->from_size);
	r = chunks_read(a->from_fd, a->from_offset, a->from_size, cut, &w->progress, &w->have, err);
	progress_end(&w->progress);
	return r;
}

/* Left by an upgrade that was interrupted? What cannot be read is no reason to fail: it is
 * written anew. */
static int is_in_target(struct apply_work *w, const struct index_chunk *chunk, uint64_t offset)
{
	const struct slot_writer *to = &w->apply->to;

	if (io_pread_full(to->fd, w->chunk, chunk->size, to->offset + offset) < 0)
		return 0;
	return has_hash(w, w->chunk, chunk);
}

static int choose_sources(struct apply_work *w, struct error *err)
{
	uint64_t offset = 0;

	for (uint32_t i = 0; i < w->index->chunks; i++) {
		struct index_chunk chunk = index_chunk_at(w->index, i);
		int r = 0;

		if (chunks_find(&w->have, &chunk)) {
			w->sources[i] = FROM_RUNNING;
		} else if ((r = is_in_target(w, &chunk, offset)) > 0) {
			w->sources[i] = FROM_TARGET;
		} else {
			w->sources[i] = FROM_NETWORK;
			w->wanted[chunk.frame] = 1;
		}
		if (r < 0)
			return error_set(err, r, "OpenSSL could not hash a chunk");
		offset += chunk.size;
	}
	return 0;
}

/* The wanted frames as parts of the file, near neighbours joined. */
static int make_ranges(struct apply_work *w, struct error *err)
{
	w->ranges = calloc(w->index->frames ? w->index->frames : 1, sizeof(*w->ranges));
	if (!w->ranges)
		return error_oom(err);
	for (uint32_t i = 0; i < w->index->frames; i++) {
		struct index_frame frame = index_frame_at(w->index, i);
		uint64_t start = w->apply->data_offset + frame.offset;
		struct fetch_range *last = w->range_count ? &w->ranges[w->range_count - 1] : NULL;

		if (!w->wanted[i])
			continue;
		if (last && start - (last->offset + last->size) <= NEAR)
			last->size = start + frame.packed_size - last->offset;
		else
			w->ranges[w->range_count++] =
				(struct fetch_range){start, frame.packed_size};
	}
	for (size_t i = 0; i < w->range_count; i++)
		w->to_fetch += w->ranges[i].size;
	return 0;
}

static int prepare(struct apply_work *w, struct error *err)
{
	uint32_t packed = 1, raw = 1;
	int r;

	for (uint32_t i = 0; i < w->index->frames; i++) {
		struct index_frame frame = index_frame_at(w->index, i);

		packed = frame.packed_size > packed ? frame.packed_size : packed;
		raw = frame.raw_size > raw ? frame.raw_size : raw;
	}
	w->sources = calloc(w->index->chunks + 1, 1);
	w->wanted = calloc(w->index->frames + 1, 1);
	w->packed = malloc(packed);
	w->raw = malloc(raw);
	w->chunk = malloc(INDEX_CHUNK_BYTES_MAX);
	w->hash = hash_new();
	w->zstd = ZSTD_createDCtx();
	if (!w->sources || !w->wanted || !w->packed || !w->raw || !w->chunk || !w->hash || !w->zstd)
		return error_oom(err);
	r = read_running(w, err);
	if (r == 0)
		r = choose_sources(w, err);
	return r < 0 ? r : make_ranges(w, err);
}

int apply_prepare(struct apply *apply, struct apply_work **out, struct error *err)
{
	_cleanup_(cleanup_work) struct apply_work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return error_oom(err);
	w->apply = apply;
	w->index = &apply->head->index;
	r = prepare(w, err);
	if (r == 0)
		*out = ptr_take(w);
	return r;
}

/* ---- what comes ---- */

static int end_fetch(struct apply_work *w, struct error *err)
{
	struct fetch_result result = {0};
	int r = fetch_stop(ptr_take(w->fetch), &result, err);

	w->apply->fetched += result.received;
	return r;
}

/*
 * From a frame on, from the next mirror: what this address sent is not what it should be, and `err`
 * says so. Returns 0, or -EBADMSG where there is no other.
 */
static int next_mirror(struct apply_work *w, uint32_t number, struct error *err)
{
	struct index_frame frame = index_frame_at(w->index, number);
	struct fetch_range *range = &w->ranges[w->range];
	struct fetch_options *options = &w->options;
	uint64_t start = w->apply->data_offset + frame.offset;
	struct fetch_result result = {0};
	struct fetch_notice notice = {.url = options->url, .reason = err->message};
	size_t step;

	fetch_stop(ptr_take(w->fetch), &result, NULL);
	w->apply->fetched += result.received;
	error_wrap(err, -EBADMSG, "%s", options->url);
	/* Where the fetch went on by itself, the bytes may be of the one before: it gets its
	 * chance. */
	step = result.place ? result.place : 1;
	if (step > options->mirror_count)
		return -EBADMSG;
	notice.mirror = options->url = options->mirrors[step - 1];
	options->mirrors += step;
	options->mirror_count -= step;
	if (options->notice)
		options->notice(options->notice_context, &notice);
	w->came -= w->stream - start;
	range->size -= start - range->offset;
	range->offset = w->stream = start;
	*err = (struct error)ERROR_INIT;
	return fetch_start(options, range, w->range_count - w->range, &w->fetch, err);
}

/* The pipe ended early: the network's fault is told by who fetched. */
static int fetch_failed(struct apply_work *w, struct error *err)
{
	int r = end_fetch(w, err);

	return r < 0 ? r : error_set(err, -EIO, "the transfer ended early");
}

/* Bytes of the pipe up to `end` of the file, into `out` or thrown away (NULL). */
static int take(struct apply_work *w, uint8_t *out, uint64_t end, struct error *err)
{
	while (w->stream < end) {
		uint64_t left = end - w->stream;
		size_t size = left < STEP ? (size_t)left : STEP;
		ssize_t n = io_read_full(fetch_fd(w->fetch), out ? out : w->chunk, size);

		if (n < 0)
			return error_set(err, (int)n, "cannot read the pipe: %s",
					 strerror((int)-n));
		w->stream += (uint64_t)n;
		w->came += (uint64_t)n;
		out = out ? out + n : NULL;
		progress_fetched(&w->progress, w->came, w->to_fetch);
		if ((size_t)n < size)
			return fetch_failed(w, err);
	}
	return 0;
}

static int take_frame(struct apply_work *w, uint32_t number, struct error *err)
{
	struct index_frame frame = index_frame_at(w->index, number);
	uint64_t start = w->apply->data_offset + frame.offset;
	int r = 0;

	/* Between two ranges the pipe leaps; within one, frames that are not wanted come, too. */
	while (start >= w->ranges[w->range].offset + w->ranges[w->range].size)
		w->stream = w->ranges[++w->range].offset;
	r = take(w, NULL, start, err);
	if (r == 0)
		r = take(w, w->packed, start + frame.packed_size, err);
	return r < 0 ? r : frame_unpack(w->zstd, number, &frame, w->packed, w->raw, err);
}

/* ---- the image ---- */

static int copy_from_running(struct apply_work *w, const struct index_chunk *chunk,
			     struct error *err)
{
	const struct chunks_entry *entry = chunks_find(&w->have, chunk);
	int r = io_pread_full(w->apply->from_fd, w->chunk, chunk->size,
			      w->apply->from_offset + entry->offset);

	if (r == 0)
		r = has_hash(w, w->chunk, chunk);
	return r > 0 ? 0
		     : error_set(err, -EIO,
				 "the running slot gave other bytes a moment ago, at "
				 "byte %llu",
				 (unsigned long long)entry->offset);
}

static int write_chunk(struct apply_work *w, uint32_t number, uint64_t offset, struct error *err)
{
	struct index_chunk chunk = index_chunk_at(w->index, number);
	const uint8_t *data = w->chunk;
	int r = 0;

	switch ((enum source)w->sources[number]) {
	case FROM_TARGET:
		w->apply->reused += chunk.size;
		return 0;
	case FROM_RUNNING:
		r = copy_from_running(w, &chunk, err);
		w->apply->reused += chunk.size;
		break;
	case FROM_NETWORK:
		data = w->raw + chunk.frame_offset;
		r = has_hash(w, data, &chunk);
		r = r > 0 ? 0
			  : error_set(err, r < 0 ? r : -EBADMSG,
				      "the bundle is damaged: chunk %u has the wrong hash", number);
		break;
	}
	return r < 0 ? r : slot_output_write(w->output, data, chunk.size, offset, err);
}

/* A chunk, and the frame that it is in before that, if it is wanted and not there yet. */
static int bring_chunk(struct apply_work *w, uint32_t number, uint64_t offset, uint32_t *frame,
		       struct error *err)
{
	struct index_chunk chunk = index_chunk_at(w->index, number);
	bool there = chunk.frame == *frame || !w->wanted[chunk.frame];
	int r;

	*frame = chunk.frame;
	for (;;) {
		r = there ? 0 : take_frame(w, chunk.frame, err);
		if (r == 0)
			r = write_chunk(w, number, offset, err);
		if (r != -EBADMSG || !w->fetch)
			return r;
		r = next_mirror(w, chunk.frame, err);
		if (r < 0)
			return r;
		there = false;
	}
}

static int write_image(struct apply_work *w, struct error *err)
{
	uint32_t frame = UINT32_MAX;
	uint64_t offset = 0;

	for (uint32_t i = 0; i < w->index->chunks; i++) {
		struct index_chunk chunk = index_chunk_at(w->index, i);
		int r = bring_chunk(w, i, offset, &frame, err);

		if (r < 0)
			return r;
		offset += chunk.size;
		progress_update(&w->progress, offset);
	}
	return slot_output_sync(w->output, err);
}

int apply_run(struct apply_work *w, struct error *err)
{
	struct apply *apply = w->apply;
	int r = 0;

	if (w->range_count > 0) {
		w->stream = w->ranges[0].offset;
		w->options = *apply->fetch;
		r = fetch_start(&w->options, w->ranges, w->range_count, &w->fetch, err);
	}
	if (r < 0)
		return r;
	progress_start(&w->progress, apply->progress, PROGRESS_WRITE, apply->to.letter,
		       apply->head->manifest.image_size);
	r = slot_output_start(&w->output, &apply->to, err);
	if (r == 0)
		r = write_image(w, err);
	progress_end(&w->progress);
	if (r == 0)
		r = end_fetch(w, err);
	return r;
}
