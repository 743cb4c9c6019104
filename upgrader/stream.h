/*
 * What a fetch's requests share: which bytes of the file have not been asked for yet, and the pipe,
 * into which everything goes in order.
 */
#ifndef PROA_UPGRADER_STREAM_H
#define PROA_UPGRADER_STREAM_H

#include <stdatomic.h>

#include "upgrader/fetch.h"

enum { STREAM_PIECE = 512 << 10 };

/* So much is asked for at once; pieces have numbers, which rise from 0 without a gap. */
struct piece {
	uint64_t number;
	uint64_t at, end; /* of the file; end: FETCH_TO_END, or at + STREAM_PIECE at the most */
};

struct stream {
	const struct fetch_options *options;
	const struct fetch_range *ranges;
	size_t count;
	int write_fd;
	atomic_bool stop; /* the reader has what it wants */

	size_t range; /* where the next piece begins: at `at` in this range */
	uint64_t at;
	uint64_t handed_out; /* pieces */
	uint64_t head;       /* the piece whose bytes may go into the pipe */

	uint64_t received;   /* bytes */
	uint64_t blocked_ms; /* time in which the pipe was full, or the limit held us back */
	uint64_t paid_us;    /* the time up to which the limit has been used */
	bool whole;          /* the server knows no ranges, and sends all of the file */
	uint64_t total;      /* the file's length, where such an answer told it; or 0 */
};

uint64_t stream_now_ms(void);

/* The next piece; false: there is none. */
bool stream_take(struct stream *stream, struct piece *out);

/* Was all handed out, and all of that written? */
bool stream_is_done(const struct stream *stream);

/* Counts what came, and waits where that is more than the limit allows. */
void stream_count(struct stream *stream, size_t size);

/* Of the piece at the head. Returns 0 or a negative errno: nobody reads any more. */
int stream_write(struct stream *stream, const void *data, size_t size);

/* What a server has to send for all of it: without ranges, what lies before them, too. */
uint64_t stream_bytes(const struct stream *stream);

#endif
