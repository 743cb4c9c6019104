#include "upgrader/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upgrader/connect.h"

enum { ENOUGH = 64 << 10 }; /* a byte a time would hold us up for years */

static bool is_head(const struct lane *l)
{
	return l->piece.number == l->stream->head;
}

static int wrong(struct lane *l, const char *words)
{
	snprintf(l->reason, sizeof(l->reason), "%s", words);
	return l->result = -EREMOTEIO;
}

/* Where the answer's part of the file begins: "bytes 100-199/1000" (RFC 9110 §14.4). */
static bool range_starts_at(const struct lane *l, uint64_t offset)
{
	struct curl_header *header;
	char *end;

	if (curl_easy_header(l->easy, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
	    strncmp(header->value, "bytes ", 6) != 0)
		return false;
	errno = 0;
	return strtoull(header->value + 6, &end, 10) == offset && *end == '-' && errno == 0;
}

/* The first byte of an answer: is it what was asked for? */
static int look_at_answer(struct lane *l)
{
	curl_off_t length = -1;
	long status = 0;

	l->answered = true;
	curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	l->ranged = status == 206;
	l->body = l->ranged ? l->piece.at : 0;
	curl_easy_getinfo(l->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	l->exact = length >= 0 && (uint64_t)length <= l->piece.end - l->piece.at;
	if (l->ranged)
		return range_starts_at(l, l->piece.at)
			       ? 0
			       : wrong(l, "the server sends another part than was asked for");
	if (status != 200)
		return wrong(l, "the server's answer is neither the file nor a part of it");
	if (!is_head(l)) {
		snprintf(l->reason, sizeof(l->reason), "the server sent the whole file for a part");
		return -EAGAIN;
	}
	l->stream->total = length > 0 ? (uint64_t)length : 0;
	l->stream->whole = true;
	return 0;
}

int lane_flush(struct lane *l)
{
	int r = l->held_size ? stream_write(l->stream, l->held, l->held_size) : 0;

	l->held_size = 0;
	return r;
}

static int deliver(struct lane *l, const char *data, size_t size)
{
	if (is_head(l)) {
		int r = lane_flush(l);

		return r < 0 ? r : stream_write(l->stream, data, size);
	}
	if (!l->held)
		l->held = malloc(STREAM_PIECE);
	if (!l->held) {
		snprintf(l->reason, sizeof(l->reason), "out of memory");
		return l->result = -ENOMEM;
	}
	memcpy(l->held + l->held_size, data, size);
	l->held_size += size;
	return 0;
}

/* An answer with the whole file has what follows, too; others may have been asked for that. */
static bool goes_on(struct lane *l)
{
	struct stream *s = l->stream;

	if (l->ranged || s->handed_out != s->head + 1 || s->range == s->count)
		return false;
	s->head++;
	l->whole = !stream_take(s, &l->piece);
	l->from = l->piece.at;
	return !l->whole;
}

/* Passes on what is wanted of an answer's bytes. Returns false to end the transfer. */
static bool pass_on(struct lane *l, const char *data, size_t size)
{
	while (size > 0 && !l->whole) {
		uint64_t skip = l->piece.at - l->body;
		uint64_t left =
			l->piece.end == FETCH_TO_END ? UINT64_MAX : l->piece.end - l->piece.at;
		size_t take;

		if (skip >= size) {
			l->body += size;
			return true;
		}
		data += skip;
		size -= (size_t)skip;
		take = left < size ? (size_t)left : size;
		if (deliver(l, data, take) < 0)
			return false;
		data += take;
		size -= take;
		l->piece.at += take;
		l->body = l->piece.at;
		l->whole = take == left;
		l->enough = l->enough || l->whole || l->piece.at - l->from >= ENOUGH;
		if (l->whole && !goes_on(l))
			/* Where more was announced, it need not be waited for. */
			return l->ranged && l->exact && size == 0;
	}
	return !l->whole;
}

static size_t on_body(char *data, size_t one, size_t count, void *context)
{
	struct lane *l = context;
	size_t size = one * count;

	stream_count(l->stream, size);
	if (!l->answered && look_at_answer(l) < 0)
		return CURL_WRITEFUNC_ERROR;
	return pass_on(l, data, size) ? size : CURL_WRITEFUNC_ERROR;
}

int lane_open(struct lane *l, const char *url, struct error *err)
{
	int r = connect_new(l->stream->options, url, &l->easy, err);
	CURLcode c = CURLE_OK;

	if (r < 0)
		return r;
	c |= curl_easy_setopt(l->easy, CURLOPT_WRITEFUNCTION, on_body);
	c |= curl_easy_setopt(l->easy, CURLOPT_WRITEDATA, l);
	c |= curl_easy_setopt(l->easy, CURLOPT_PRIVATE, l);
	c |= curl_easy_setopt(l->easy, CURLOPT_ERRORBUFFER, l->words);
	return c == CURLE_OK ? 0 : error_set(err, -EINVAL, "libcurl lacks an option");
}

void lane_close(struct lane *l)
{
	curl_easy_cleanup(l->easy);
	l->easy = NULL;
}

void lane_ask(struct lane *l, uint64_t least_rate)
{
	char text[64];

	l->answered = l->ranged = l->enough = false;
	l->from = l->piece.at;
	l->words[0] = l->reason[0] = '\0';
	if (l->piece.end == FETCH_TO_END)
		snprintf(text, sizeof(text), "%llu-", (unsigned long long)l->piece.at);
	else
		snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)l->piece.at,
			 (unsigned long long)l->piece.end - 1);
	/* All of it: a plain request, which every server and proxy understands. */
	curl_easy_setopt(l->easy, CURLOPT_RANGE,
			 l->piece.at == 0 && l->piece.end == FETCH_TO_END ? NULL : text);
	curl_easy_setopt(l->easy, CURLOPT_LOW_SPEED_LIMIT, (long)(least_rate ? least_rate : 1));
}

/*
 * With TLS 1.3 a server asks for a certificate and hangs up when its greeting is over already; its
 * alert gets lost where we were writing then.
 */
static bool hung_up_at_once(const struct lane *l, long status)
{
	curl_off_t greeted = 0;

	curl_easy_getinfo(l->easy, CURLINFO_APPCONNECT_TIME_T, &greeted);
	return greeted > 0 && status == 0 && !l->answered && !l->stream->options->tls.client_cert;
}

enum lane_end lane_end(struct lane *l, CURLcode code)
{
	long status = 0;

	/* The end of the file is the end of a piece that asked for all. */
	if (l->whole || (code == CURLE_OK && l->piece.end == FETCH_TO_END))
		return LANE_WHOLE;
	if (l->result < 0)
		return LANE_WRONG;
	curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && !l->ranged) {
		wrong(l, "the file ends before the part that is wanted");
		return LANE_WRONG;
	}
	if (!l->reason[0])
		snprintf(l->reason, sizeof(l->reason), "%s%s",
			 l->words[0]        ? l->words
			 : code == CURLE_OK ? "the server sends next to nothing"
					    : curl_easy_strerror(code),
			 hung_up_at_once(l, status)
				 ? "; perhaps the server asks who we are (--client-cert, "
				   "proa.upgrade.client_cert)"
				 : connect_hint(code, l->words));
	/* What a person must do something about, another try does not mend. */
	if (code == CURLE_OK ||
	    (connect_is_passing(code, status) && !*connect_hint(code, l->words)))
		return LANE_AGAIN;
	l->result = connect_errno(code);
	return LANE_WRONG;
}
