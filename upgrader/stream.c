#include "upgrader/stream.h"

#include <time.h>

#include "lib/io.h"

enum { SAVED_US = 250 * 1000 };

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t stream_now_ms(void)
{
	return now_us() / 1000;
}

bool stream_take(struct stream *s, struct piece *out)
{
	const struct fetch_range *range = &s->ranges[s->range];
	uint64_t left;

	if (s->range == s->count)
		return false;
	/* What has no end cannot be held. */
	if (range->size == FETCH_TO_END && s->handed_out != s->head)
		return false;
	out->number = s->handed_out++;
	out->at = s->at;
	left = range->size == FETCH_TO_END ? UINT64_MAX : range->offset + range->size - s->at;
	out->end = range->size == FETCH_TO_END ? FETCH_TO_END
		   : left < STREAM_PIECE       ? s->at + left
					       : s->at + STREAM_PIECE;
	s->at = out->end;
	if (left <= STREAM_PIECE || range->size == FETCH_TO_END)
		s->at = ++s->range < s->count ? s->ranges[s->range].offset : 0;
	return true;
}

bool stream_is_done(const struct stream *s)
{
	return s->range == s->count && s->head == s->handed_out;
}

/*
 * While we do not read, nobody's window opens: that holds the server back, whatever the number of
 * connections. A little of what was not used is saved up, so that waking up late costs nothing.
 */
void stream_count(struct stream *s, size_t size)
{
	uint64_t now = now_us(), limit = s->options->rate_limit;

	s->received += size;
	if (!limit)
		return;
	s->paid_us = s->paid_us > now - SAVED_US ? s->paid_us : now - SAVED_US;
	s->paid_us += (uint64_t)size * 1000000 / limit;
	if (s->paid_us > now)
		s->blocked_ms += (s->paid_us - now) / 1000;
	while (now < s->paid_us && !atomic_load(&s->stop)) {
		uint64_t wait = s->paid_us - now < 50000 ? s->paid_us - now : 50000;

		nanosleep(&(struct timespec){.tv_nsec = (long)wait * 1000}, NULL);
		now = now_us();
	}
}

int stream_write(struct stream *s, const void *data, size_t size)
{
	uint64_t before = stream_now_ms();
	int r = io_write_full(s->write_fd, data, size);

	s->blocked_ms += stream_now_ms() - before;
	return r;
}

uint64_t stream_bytes(const struct stream *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct fetch_range *range = &s->ranges[i];
		uint64_t size = range->size == FETCH_TO_END ? s->options->most : range->size;

		sum = s->whole ? range->offset + size : sum + size;
	}
	return sum;
}
