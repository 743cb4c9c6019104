/* What an image holds, found again by hash: it is cut as a bundle's image was (chunker.h). */
#ifndef PROA_UPGRADER_CHUNKS_H
#define PROA_UPGRADER_CHUNKS_H

#include <stdbool.h>

#include "lib/format/index.h"

struct chunks_entry {
	uint8_t sha256[HASH_SIZE];
	uint64_t offset; /* in the image */
	uint32_t size;
};

struct chunks {
	struct chunks_entry *entries; /* owned; rising by hash */
	size_t count;
};

/* Called now and then with the bytes done. */
typedef void (*chunks_progress_fn)(void *context, uint64_t done);

/*
 * Reads and cuts the `size` bytes of an image at `offset` of `fd`. What cannot be read is left
 * out: cuts find their way again behind it. Returns 0, -ENOMEM or -EIO (OpenSSL refused).
 */
int chunks_read(int fd, uint64_t offset, uint64_t size, chunks_progress_fn progress, void *context,
		struct chunks *out, struct error *err);
void chunks_free(struct chunks *chunks);
#define _cleanup_chunks_ __attribute__((cleanup(chunks_free)))

/* The place of a chunk with this hash and size, or NULL. */
const struct chunks_entry *chunks_find(const struct chunks *chunks,
				       const struct index_chunk *chunk);

#endif
