#include "upgrader/chunks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/format/chunker.h"
#include "lib/io.h"

enum { WINDOW = 4 << 20 };

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

int chunks_read(int fd, uint64_t offset, uint64_t size, chunks_progress_fn progress, void *context,
		struct chunks *out, struct error *err)
{
	_cleanup_free_ uint8_t *window = malloc(WINDOW);
	_cleanup_hash_ struct hash *hash = hash_new();
	_cleanup_chunks_ struct chunks chunks = {NULL, 0};
	size_t held = 0, room = 0;
	uint64_t done = 0;

	if (!window || !hash)
		return error_oom(err);
	while (done < size) {
		uint64_t left = size - done - held;
		size_t more = left < WINDOW - held ? (size_t)left : WINDOW - held;
		size_t used = 0;
		int r = io_pread_full(fd, window + held, more, offset + done + held);

		if (r < 0) {
			done += held + more;
			held = 0;
			continue;
		}
		held += more;
		/* A cut needs CHUNKER_MAX bytes before it, or the image's end. */
		while (held > 0 && (held >= CHUNKER_MAX || done + held == size)) {
			size_t length = chunker_cut(window + used, held);

			r = add(&chunks, &room, hash, window + used, length, done);
			if (r < 0)
				return r == -ENOMEM ? error_oom(err)
						    : error_set(err, r, "OpenSSL could not hash");
			used += length;
			held -= length;
			done += length;
		}
		memmove(window, window + used, held);
		if (progress)
			progress(context, done);
	}
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
