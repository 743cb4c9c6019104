#include "upgrader/chunks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ahead.h"
#include "lib/cleanup.h"
#include "lib/format/chunker.h"
#include "lib/io.h"

enum { WINDOW = 2 << 20 };

static int add(struct chunks *chunks, size_t *room, struct hash *hash, const uint8_t *data,
	       size_t size, uint64_t offset)
{
	struct chunks_entry *entry;
	int r;

	if (chunks->count == *room) {
		size_t more = *room ? *room * 2 : 4096;
		struct chunks_entry *entries =
			reallocarray(chunks->entries, more, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		chunks->entries = entries;
		*room = more;
	}
	entry = &chunks->entries[chunks->count++];
	entry->offset = offset;
	entry->size = (uint32_t)size;
	r = hash_reset(hash);
	if (r == 0)
		r = hash_update(hash, data, size);
	return r == 0 ? hash_final(hash, entry->sha256) : r;
}

static int compare(const void *one, const void *other)
{
	return memcmp(one, other, HASH_SIZE);
}

/* ---- the thread: reads, and cuts ---- */

struct window {
	uint8_t *bytes;
	uint64_t start; /* in the image, of the first chunk */
	size_t lengths[WINDOW / CHUNKER_MIN + 1];
	size_t count;
};

struct reader {
	int fd;
	uint64_t offset, size;
	uint64_t done;       /* cut, or given up */
	const uint8_t *tail; /* read and not cut yet: in the window before */
	size_t held;
	struct window windows[AHEAD_PLACES];
};

/* A cut needs CHUNKER_MAX bytes before it, or the image's end. */
static void cut(struct reader *r, struct window *w)
{
	w->start = r->done;
	w->count = 0;
	r->tail = w->bytes;
	while (r->held > 0 && (r->held >= CHUNKER_MAX || r->done + r->held == r->size)) {
		size_t length = chunker_cut(r->tail, r->held);

		w->lengths[w->count++] = length;
		r->tail += length;
		r->held -= length;
		r->done += length;
	}
}

/* What cannot be read is passed over: it is no chunk that could be used. */
static int next_window(void *context, unsigned int place, struct error *err)
{
	struct reader *r = context;
	struct window *w = &r->windows[place];

	(void)err;
	while (r->done < r->size) {
		uint64_t left = r->size - r->done - r->held;
		size_t more = left < WINDOW - r->held ? (size_t)left : WINDOW - r->held;

		if (r->held > 0)
			memcpy(w->bytes, r->tail, r->held);
		if (io_pread_full(r->fd, w->bytes + r->held, more, r->offset + r->done + r->held) ==
		    0) {
			r->held += more;
			cut(r, w);
			return 1;
		}
		r->done += r->held + more;
		r->held = 0;
	}
	return 0;
}

static void free_reader(struct reader **r)
{
	for (size_t i = 0; *r && i < AHEAD_PLACES; i++)
		free((*r)->windows[i].bytes);
	free(*r);
}

/* ---- the caller: hashes ---- */

static int add_window(struct chunks *chunks, size_t *room, struct hash *hash,
		      const struct window *w, uint64_t *done, struct error *err)
{
	const uint8_t *at = w->bytes;

	*done = w->start;
	for (size_t i = 0; i < w->count; i++) {
		int r = add(chunks, room, hash, at, w->lengths[i], *done);

		if (r < 0)
			return r == -ENOMEM ? error_oom(err)
					    : error_set(err, r, "OpenSSL could not hash");
		at += w->lengths[i];
		*done += w->lengths[i];
	}
	return 0;
}

static int add_all(struct chunks *chunks, struct reader *reader, chunks_progress_fn progress,
		   void *context, struct error *err)
{
	_cleanup_hash_ struct hash *hash = hash_new();
	_cleanup_ahead_ struct ahead *ahead = NULL;
	size_t room = 0;
	unsigned int place;
	int r = hash ? ahead_start(&ahead, next_window, reader, err) : error_oom(err);

	if (r < 0)
		return r;
	while ((r = ahead_next(ahead, &place, err)) > 0) {
		uint64_t done;

		r = add_window(chunks, &room, hash, &reader->windows[place], &done, err);
		if (r < 0)
			return r;
		if (progress)
			progress(context, done);
	}
	return r;
}

int chunks_read(int fd, uint64_t offset, uint64_t size, chunks_progress_fn progress, void *context,
		struct chunks *out, struct error *err)
{
	_cleanup_(free_reader) struct reader *reader = calloc(1, sizeof(*reader));
	_cleanup_chunks_ struct chunks chunks = {NULL, 0};
	int r;

	if (!reader)
		return error_oom(err);
	reader->fd = fd;
	reader->offset = offset;
	reader->size = size;
	for (size_t i = 0; i < AHEAD_PLACES; i++) {
		reader->windows[i].bytes = malloc(WINDOW);
		if (!reader->windows[i].bytes)
			return error_oom(err);
	}
	r = add_all(&chunks, reader, progress, context, err);
	if (r < 0)
		return r;
	if (chunks.count)
		qsort(chunks.entries, chunks.count, sizeof(*chunks.entries), compare);
	*out = chunks;
	chunks = (struct chunks){NULL, 0};
	return 0;
}

void chunks_free(struct chunks *chunks)
{
	free(chunks->entries);
	*chunks = (struct chunks){NULL, 0};
}

const struct chunks_entry *chunks_find(const struct chunks *chunks, const struct index_chunk *chunk)
{
	const struct chunks_entry *found =
		chunks->count ? bsearch(chunk->sha256, chunks->entries, chunks->count,
					sizeof(*chunks->entries), compare)
			      : NULL;

	return found && found->size == chunk->size ? found : NULL;
}
