/*
 * A lane: one request at a time, for one piece. What comes goes into the pipe where the piece is
 * at the head, else it is held until then.
 */
#ifndef PROA_UPGRADER_LANE_H
#define PROA_UPGRADER_LANE_H

#include <curl/curl.h>

#include "upgrader/stream.h"

struct lane {
	struct stream *stream;
	CURL *easy;                       /* NULL: not made yet */
	char words[CURL_ERROR_SIZE];      /* libcurl's */
	char reason[2 * CURL_ERROR_SIZE]; /* why it did not go well, after lane_end */

	struct piece piece;
	bool busy;           /* it has a piece */
	bool running;        /* and a request for it */
	unsigned int failed; /* requests for it, one after another, that brought next to nothing */
	uint64_t due_ms;     /* when the next one may be made */
	uint8_t *held;       /* STREAM_PIECE bytes, made when needed */
	size_t held_size;

	/* Of the request. */
	bool answered; /* its status was looked at */
	bool ranged;   /* the answer is a part of the file, as asked */
	bool exact;    /* and, by what it says, not more of it */
	bool whole;    /* the piece has come */
	bool enough;   /* that, or enough of it, came in this request */
	uint64_t body; /* where in the file the next byte of the answer belongs */
	uint64_t from; /* piece.at, when it began */
	int result;    /* a negative errno: the answer is wrong, and so will be the next */
};

enum lane_end {
	LANE_WHOLE, /* the piece has come */
	LANE_AGAIN, /* the rest is to be asked for once more */
	LANE_WRONG, /* that would be of no use: lane->result */
};

/* Takes a handle for `url`. Returns 0, or what connect_new answers. */
int lane_open(struct lane *lane, const char *url, struct error *err);
void lane_close(struct lane *lane);

/* Makes its request ready for curl_multi_add_handle: what is missing of the piece. */
void lane_ask(struct lane *lane, uint64_t least_rate);

/* Libcurl has ended it. */
enum lane_end lane_end(struct lane *lane, CURLcode code);

/* Writes what was held, now that the piece is at the head. Returns 0 or a negative errno. */
int lane_flush(struct lane *lane);

#endif
