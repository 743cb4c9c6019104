#include "upgrader/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/size.h"
#include "upgrader/lane.h"

enum {
	LANES = 6,          /* requests at a time */
	TRIES = 8,          /* for a piece, with next to nothing in each */
	TRIES_AT_FIRST = 4, /* before anything came at all */
	PAUSE_MS = 500,     /* before the second try; doubles up to … */
	PAUSE_MAX_MS = 30 * 1000,
	LOOK_MS = 200,        /* at the clock, at the least */
	LIMIT_STEP = 1 << 20, /* of the rate limit, for a further request at a time */
	PIPE_SIZE = 256 << 10,
};

struct fetch {
	const struct fetch_options *options;
	int read_fd;
	pthread_t thread;
	CURLM *multi;

	/* The thread's, and the caller's once it has ended. */
	struct stream stream;
	struct lane lanes[LANES];
	unsigned int allowed; /* lanes that may run; none but the first before ranges were seen */
	size_t place;         /* 0: options->url, else a mirror */
	uint64_t started_ms, started_blocked_ms;
	int result;
	struct error error;
};

bool fetch_is_url(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

static const char *address(const struct fetch *f, size_t place)
{
	return place == 0 ? f->options->url : f->options->mirrors[place - 1];
}

static void tell(const struct fetch *f, struct fetch_notice notice)
{
	notice.url = address(f, f->place);
	if (f->options->notice)
		f->options->notice(f->options->notice_context, &notice);
}

/* ---- time ---- */

static uint64_t busy_ms(const struct fetch *f)
{
	return stream_now_ms() - f->started_ms - (f->stream.blocked_ms - f->started_blocked_ms);
}

/* A server that is always a little faster than the least rate, or breaks off again and again. */
static bool is_late(const struct fetch *f)
{
	unsigned int grace_s = f->options->grace_s ? f->options->grace_s : FETCH_GRACE_S;
	uint64_t bytes = stream_bytes(&f->stream);

	return busy_ms(f) > (grace_s + bytes / fetch_least_rate(f->options)) * UINT64_C(1000);
}

static void late_words(const struct fetch *f, char *out, size_t size)
{
	char came[SIZE_TEXT_SIZE], rate[SIZE_TEXT_SIZE];

	snprintf(out, size,
		 "too slow: %s came in %llu s; a line that cannot do better needs --least-rate "
		 "below %s",
		 size_text(f->stream.received, came), (unsigned long long)busy_ms(f) / 1000,
		 size_text(fetch_least_rate(f->options), rate));
}

/* How long to wait: each time twice as long, and by chance up to half as long again. */
static unsigned int pause_ms(unsigned int tries)
{
	unsigned int wait = PAUSE_MS, chance = 0;

	while (tries-- > 1 && wait < PAUSE_MAX_MS)
		wait *= 2;
	wait = wait < PAUSE_MAX_MS ? wait : PAUSE_MAX_MS;
	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	return wait + chance % (wait / 2);
}

/* ---- lanes ---- */

static void halt(struct fetch *f, struct lane *lane)
{
	if (lane->running)
		curl_multi_remove_handle(f->multi, lane->easy);
	lane->running = false;
}

/* Another address, from its first request on. What came by now is kept. */
static int go_to(struct fetch *f, size_t place, struct error *err)
{
	f->place = place;
	f->allowed = 1;
	f->stream.whole = false;
	f->started_ms = stream_now_ms();
	f->started_blocked_ms = f->stream.blocked_ms;
	for (size_t i = 0; i < LANES; i++) {
		halt(f, &f->lanes[i]);
		lane_close(&f->lanes[i]);
		f->lanes[i].failed = 0;
		f->lanes[i].due_ms = 0;
		f->lanes[i].result = 0;
	}
	/* The first one shows whether the options are any good. */
	return lane_open(&f->lanes[0], address(f, place), err);
}

/* This address is of no use any more: the next one, or the end. */
static void give_up(struct fetch *f, int code, const char *words)
{
	error_set(&f->error, code, "%s: %s", address(f, f->place), words);
	while (code < 0 && code != -ENOMEM && f->place < f->options->mirror_count) {
		tell(f, (struct fetch_notice){.reason = f->error.message,
					      .mirror = address(f, f->place + 1)});
		code = go_to(f, f->place + 1, &f->error);
	}
	f->result = code;
}

/* Pieces in hand are the head and those right behind it: as many as are allowed may be asked for.
 */
static bool may_start(const struct fetch *f, const struct lane *lane)
{
	return lane->busy && !lane->whole && !lane->running &&
	       lane->piece.number - f->stream.head < f->allowed && lane->due_ms <= stream_now_ms();
}

static void hand_out(struct fetch *f, struct lane *lane)
{
	if (f->stream.handed_out - f->stream.head >= f->allowed)
		return;
	lane->busy = stream_take(&f->stream, &lane->piece);
	lane->whole = false;
}

/* Under a limit, each connection has bytes in the kernel already that it could not be held to. */
static unsigned int most_lanes(const struct fetch *f)
{
	uint64_t limit = f->options->rate_limit;

	return limit == 0 || limit / LIMIT_STEP >= LANES ? LANES
							 : 1 + (unsigned int)(limit / LIMIT_STEP);
}

static int start_lanes(struct fetch *f, struct error *err)
{
	for (size_t i = 0; i < LANES; i++) {
		struct lane *lane = &f->lanes[i];
		int r = 0;

		if (!lane->busy)
			hand_out(f, lane);
		if (!may_start(f, lane))
			continue;
		if (!lane->easy)
			r = lane_open(lane, address(f, f->place), err);
		if (r < 0)
			return r;
		lane_ask(lane, fetch_least_rate(f->options) / f->allowed);
		if (curl_multi_add_handle(f->multi, lane->easy) != CURLM_OK)
			return error_set(err, -ENOMEM, "libcurl takes no request");
		lane->running = true;
	}
	return 0;
}

/* It may be that there were too many at a time. */
static void try_again(struct fetch *f, struct lane *lane)
{
	unsigned int most = f->stream.received ? TRIES : TRIES_AT_FIRST, wait;

	lane->failed = lane->enough ? 0 : lane->failed + 1;
	if (lane->failed >= most) {
		give_up(f, -EREMOTEIO, lane->reason);
		return;
	}
	f->allowed = f->allowed > 1 ? f->allowed / 2 : 1;
	wait = pause_ms(lane->failed);
	lane->due_ms = stream_now_ms() + wait;
	/* What struck all lanes is told once. */
	if (lane->piece.number == f->stream.head)
		tell(f, (struct fetch_notice){.reason = lane->reason, .wait_ms = wait});
}

static void settle(struct fetch *f, struct lane *lane, CURLcode code)
{
	enum lane_end end = lane_end(lane, code);

	halt(f, lane);
	/* The reader has what it wants: that the pipe is closed then is no failure. */
	if (atomic_load(&f->stream.stop))
		return;
	if (end == LANE_WRONG) {
		give_up(f, lane->result, lane->reason);
		return;
	}
	if (end == LANE_AGAIN) {
		try_again(f, lane);
		return;
	}
	lane->whole = true;
	lane->failed = 0;
	if (f->stream.whole)
		f->allowed = 1;
	else if (lane->ranged)
		f->allowed =
			f->allowed == 1 && most_lanes(f) > 1 ? most_lanes(f) / 2 : most_lanes(f);
}

static struct lane *head_lane(struct fetch *f)
{
	for (size_t i = 0; i < LANES; i++)
		if (f->lanes[i].busy && f->lanes[i].piece.number == f->stream.head)
			return &f->lanes[i];
	return NULL;
}

/* Into the pipe, what its turn has come for. */
static void flush(struct fetch *f)
{
	struct lane *lane;

	while ((lane = head_lane(f)) && lane_flush(lane) == 0 && lane->whole) {
		lane->busy = false;
		f->stream.head++;
	}
}

static int work(struct fetch *f, struct error *err)
{
	CURLMsg *message;
	int running, left;

	if (curl_multi_perform(f->multi, &running) != CURLM_OK)
		return error_set(err, -ENOMEM, "libcurl cannot go on");
	while (f->result == 0 && (message = curl_multi_info_read(f->multi, &left))) {
		struct lane *lane = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lane);
		settle(f, lane, message->data.result);
	}
	flush(f);
	if (f->result == 0 && is_late(f)) {
		char words[CURL_ERROR_SIZE];

		late_words(f, words, sizeof(words));
		give_up(f, -EREMOTEIO, words);
	}
	return f->result == 0 ? start_lanes(f, err) : 0;
}

static void *run(void *context)
{
	struct fetch *f = context;

	while (f->result == 0 && !stream_is_done(&f->stream) && !atomic_load(&f->stream.stop)) {
		int r = work(f, &f->error);

		if (r < 0)
			f->result = r;
		else if (f->result == 0 && !stream_is_done(&f->stream))
			curl_multi_poll(f->multi, NULL, 0, LOOK_MS, NULL);
	}
	close(f->stream.write_fd);
	f->stream.write_fd = -1;
	return NULL;
}

/* ---- the caller's side ---- */

static void free_fetch(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	for (size_t i = 0; i < LANES; i++) {
		halt(f, &f->lanes[i]);
		lane_close(&f->lanes[i]);
		free(f->lanes[i].held);
	}
	curl_multi_cleanup(f->multi);
	cleanup_fd(&f->read_fd);
	cleanup_fd(&f->stream.write_fd);
	free(f);
}

static int start_thread(struct fetch *f)
{
	sigset_t all, before;
	int r;

	/* A pipe that nobody reads any more is an error of write(2), and no signal. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int set_up(struct fetch *f, struct error *err)
{
	int fds[2];

	f->multi = curl_multi_init();
	if (!f->multi)
		return error_oom(err);
	for (size_t i = 0; i < LANES; i++)
		f->lanes[i].stream = &f->stream;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	f->read_fd = fds[0];
	f->stream.write_fd = fds[1];
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE); /* less is slower, no more */
	return go_to(f, 0, err);
}

int fetch_start(const struct fetch_options *options, const struct fetch_range *ranges, size_t count,
		struct fetch **out, struct error *err)
{
	__attribute__((cleanup(free_fetch))) struct fetch *f = NULL;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -ENOMEM, "cannot start libcurl");
	f = calloc(1, sizeof(*f));
	if (!f)
		return error_oom(err);
	f->options = options;
	f->read_fd = -1;
	f->stream = (struct stream){.options = options,
				    .ranges = ranges,
				    .count = count,
				    .write_fd = -1,
				    .at = count ? ranges[0].offset : 0};
	r = set_up(f, err);
	if (r < 0)
		return r;
	r = start_thread(f);
	if (r < 0)
		return error_set(err, r, "cannot start a thread: %s", strerror(-r));
	*out = ptr_take(f);
	return 0;
}

int fetch_fd(const struct fetch *fetch)
{
	return fetch->read_fd;
}

int fetch_stop(struct fetch *fetch, struct fetch_result *result, struct error *err)
{
	__attribute__((cleanup(free_fetch))) struct fetch *f = fetch;

	if (!f)
		return 0;
	atomic_store(&f->stream.stop, true);
	cleanup_fd(&f->read_fd);
	f->read_fd = -1;
	curl_multi_wakeup(f->multi);
	pthread_join(f->thread, NULL);
	if (result)
		*result = (struct fetch_result){
			.total = f->stream.total,
			.received = f->stream.received,
			.place = f->place,
		};
	return f->result < 0 ? error_set(err, f->result, "%s", f->error.message) : 0;
}
