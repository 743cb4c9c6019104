#include "upgrader/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/size.h"
#include "upgrader/connect.h"

enum {
	TRIES = 8,          /* with less than ENOUGH in each */
	TRIES_AT_FIRST = 4, /* before anything came at all */
	ENOUGH = 64 << 10,  /* a byte a time would hold us up for years */
	PAUSE_MS = 500,     /* before the second try; doubles up to … */
	PAUSE_MAX_MS = 30 * 1000,
	PIPE_SIZE = 256 << 10,
};

struct fetch {
	const struct fetch_options *options;
	const struct fetch_range *ranges;
	size_t count;
	int read_fd;
	atomic_bool stop;
	pthread_t thread;

	/* The thread's, and the caller's once it has ended. */
	int write_fd;
	CURL *easy;
	size_t range;  /* the one at hand */
	uint64_t at;   /* the next byte of the file that is wanted */
	uint64_t body; /* where in the file the next byte of the answer belongs */
	bool answered; /* this answer's status was looked at */
	bool ranged;   /* it is a part of the file, as asked */
	bool enough;   /* as much as ENOUGH, or a whole range, came in it */
	uint64_t from; /* `at`, when it began */
	uint64_t received, total;
	bool whole;                      /* the server knows no ranges */
	bool late;                       /* the time is up */
	uint64_t started_ms, blocked_ms; /* blocked: by the reader */
	char words[CURL_ERROR_SIZE];
	int result;
	struct error error;
};

bool fetch_is_url(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_done(const struct fetch *f)
{
	return f->range == f->count;
}

static void next_range(struct fetch *f)
{
	if (++f->range < f->count)
		f->at = f->ranges[f->range].offset;
}

static int fail(struct fetch *f, int code, const char *words)
{
	f->result = error_set(&f->error, code, "%s: %s", f->options->url, words);
	return f->result;
}

/* What the server has to send: without ranges, everything before them, too. */
static uint64_t bytes_in_all(const struct fetch *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct fetch_range *range = &f->ranges[i];
		uint64_t size = range->size == FETCH_TO_END ? f->options->most : range->size;

		sum = f->whole ? range->offset + size : sum + size;
	}
	return sum;
}

/* A server that is always a little faster than the least rate, or breaks off again and again. */
static bool is_late(struct fetch *f)
{
	unsigned int grace_s = f->options->grace_s ? f->options->grace_s : FETCH_GRACE_S;
	uint64_t allowed_ms =
		(grace_s + bytes_in_all(f) / fetch_least_rate(f->options)) * UINT64_C(1000);

	if (!f->late)
		f->late = now_ms() - f->started_ms - f->blocked_ms > allowed_ms;
	return f->late;
}

static int fail_late(struct fetch *f)
{
	uint64_t seconds = (now_ms() - f->started_ms - f->blocked_ms) / 1000;
	char came[SIZE_TEXT_SIZE], rate[SIZE_TEXT_SIZE], words[160];

	snprintf(words, sizeof(words),
		 "too slow: %s came in %llu s; a line that cannot do better needs --least-rate "
		 "below %s",
		 size_text(f->received, came), (unsigned long long)seconds,
		 size_text(fetch_least_rate(f->options), rate));
	return fail(f, -EREMOTEIO, words);
}

/* Where the answer's part of the file begins: "bytes 100-199/1000" (RFC 9110 §14.4). */
static bool range_starts_at(struct fetch *f, uint64_t offset)
{
	struct curl_header *header;
	char *end;

	if (curl_easy_header(f->easy, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
	    strncmp(header->value, "bytes ", 6) != 0)
		return false;
	errno = 0;
	return strtoull(header->value + 6, &end, 10) == offset && *end == '-' && errno == 0;
}

/* The first byte of an answer: is it what was asked for? */
static int look_at_answer(struct fetch *f)
{
	long status = 0;

	f->answered = true;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	f->ranged = status == 206;
	f->body = f->ranged ? f->at : 0;
	if (status == 200) {
		curl_off_t length = -1;

		curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
		f->total = length > 0 ? (uint64_t)length : 0;
		f->whole = true;
		return 0;
	}
	if (!f->ranged)
		return fail(f, -EREMOTEIO,
			    "the server's answer is neither the file nor a part of it");
	return range_starts_at(f, f->at)
		       ? 0
		       : fail(f, -EREMOTEIO, "the server sends another part than was asked for");
}

static int write_pipe(struct fetch *f, const char *data, size_t size)
{
	uint64_t before = now_ms();
	int r = io_write_full(f->write_fd, data, size);

	f->blocked_ms += now_ms() - before;
	return r;
}

/* Passes on what is wanted of an answer's bytes. Returns false to end the transfer. */
static bool pass_on(struct fetch *f, const char *data, size_t size)
{
	while (size > 0 && !is_done(f)) {
		const struct fetch_range *range = &f->ranges[f->range];
		uint64_t skip = f->at - f->body, left;
		size_t take = size;

		if (skip >= size) {
			f->body += size;
			return true;
		}
		data += skip;
		size -= (size_t)skip;
		f->body = f->at;
		left = range->size == FETCH_TO_END ? UINT64_MAX
						   : range->offset + range->size - f->at;
		take = left < size ? (size_t)left : size;
		if (write_pipe(f, data, take) < 0)
			return false; /* the reader has what it wants */
		data += take;
		size -= take;
		f->at += take;
		f->body += take;
		f->enough = f->enough || f->at - f->from >= ENOUGH || take == left;
		if (take == left) {
			next_range(f);
			f->from = f->at;
			if (f->ranged)
				return true;
		}
	}
	return !is_done(f);
}

static size_t on_body(char *data, size_t one, size_t count, void *context)
{
	struct fetch *f = context;
	size_t size = one * count;

	f->received += size;
	if (!f->answered && look_at_answer(f) < 0)
		return CURL_WRITEFUNC_ERROR;
	return pass_on(f, data, size) ? size : CURL_WRITEFUNC_ERROR;
}

/* libcurl calls it once a second at the least, also while nothing comes. */
static int on_time(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
		   curl_off_t up)
{
	struct fetch *f = context;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up;
	return atomic_load(&f->stop) || is_late(f);
}

static int set_up(struct fetch *f, struct error *err)
{
	int r = connect_new(f->options, f->options->url, &f->easy, err);
	CURLcode c = CURLE_OK;

	if (r < 0)
		return r;
	c |= curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	c |= curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	c |= curl_easy_setopt(f->easy, CURLOPT_XFERINFOFUNCTION, on_time);
	c |= curl_easy_setopt(f->easy, CURLOPT_XFERINFODATA, f);
	c |= curl_easy_setopt(f->easy, CURLOPT_NOPROGRESS, 0L);
	c |= curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->words);
	return c == CURLE_OK ? 0 : error_set(err, -EINVAL, "libcurl lacks an option");
}

/* The range at hand, from where it broke off. */
static void ask_for_range(struct fetch *f)
{
	const struct fetch_range *range = &f->ranges[f->range];
	char text[64];

	if (range->size == FETCH_TO_END)
		snprintf(text, sizeof(text), "%llu-", (unsigned long long)f->at);
	else
		snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)f->at,
			 (unsigned long long)(range->offset + range->size - 1));
	/* All of it: a plain request, which every server and proxy understands. */
	curl_easy_setopt(f->easy, CURLOPT_RANGE,
			 f->at == 0 && range->size == FETCH_TO_END ? NULL : text);
}

/* One request. Returns 1 where all is done, 0 to try on, or the reason to give up. */
static int attempt(struct fetch *f, bool last)
{
	long status = 0;
	CURLcode code;

	f->answered = f->ranged = f->enough = false;
	f->from = f->at;
	f->words[0] = '\0';
	ask_for_range(f);
	code = curl_easy_perform(f->easy);
	if (f->result < 0)
		return f->result;
	/* The end of the file is the end of a range that asked for all. */
	if (code == CURLE_OK && !is_done(f) && f->ranges[f->range].size == FETCH_TO_END)
		next_range(f);
	if (is_done(f) || atomic_load(&f->stop))
		return 1;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->late)
		return fail_late(f);
	if (code == CURLE_OK && !f->ranged)
		return fail(f, -EREMOTEIO, "the file ends before the part that is wanted");
	if (!f->words[0])
		snprintf(f->words, sizeof(f->words), "%s",
			 code == CURLE_OK ? "the server sends next to nothing"
					  : curl_easy_strerror(code));
	if ((code != CURLE_OK && !connect_is_passing(code, status)) || (last && !f->enough))
		return fail(f, connect_errno(code), f->words);
	return 0;
}

/* Waits before the next try, each time twice as long; by chance up to half as long again. */
static void pause_before(struct fetch *f, unsigned int tries)
{
	uint64_t wait = (uint64_t)PAUSE_MS << (tries - 1);
	unsigned int chance = 0;

	wait = wait < PAUSE_MAX_MS ? wait : PAUSE_MAX_MS;
	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	wait += chance % (wait / 2);
	if (f->options->notice)
		f->options->notice(f->options->notice_context,
				   &(struct fetch_notice){.url = f->options->url,
							  .reason = f->words,
							  .wait_ms = (unsigned int)wait});
	for (uint64_t slept = 0; slept < wait && !atomic_load(&f->stop); slept += 50)
		nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
}

static void *run(void *context)
{
	struct fetch *f = context;
	unsigned int tries = 0;

	f->started_ms = now_ms();
	while (!is_done(f) && !atomic_load(&f->stop)) {
		if (attempt(f, tries + 1 >= (f->received ? TRIES : TRIES_AT_FIRST)) != 0)
			break;
		tries = f->enough ? 0 : tries + 1;
		/* A range that ended well is followed by the next one at once. */
		if (tries > 0 || f->at != f->ranges[f->range].offset)
			pause_before(f, tries ? tries : 1);
	}
	close(f->write_fd);
	f->write_fd = -1;
	return NULL;
}

static void free_fetch(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (!f)
		return;
	curl_easy_cleanup(f->easy);
	cleanup_fd(&f->read_fd);
	cleanup_fd(&f->write_fd);
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

int fetch_start(const struct fetch_options *options, const struct fetch_range *ranges, size_t count,
		struct fetch **out, struct error *err)
{
	__attribute__((cleanup(free_fetch))) struct fetch *f = calloc(1, sizeof(*f));
	int fds[2], r;

	if (!f)
		return error_oom(err);
	*f = (struct fetch){.options = options,
			    .ranges = ranges,
			    .count = count,
			    .read_fd = -1,
			    .write_fd = -1,
			    .at = count ? ranges[0].offset : 0};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -ENOMEM, "cannot start libcurl");
	r = set_up(f, err);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	f->read_fd = fds[0];
	f->write_fd = fds[1];
	(void)fcntl(f->write_fd, F_SETPIPE_SZ, PIPE_SIZE); /* less is slower, no more */
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

int fetch_stop(struct fetch *fetch, uint64_t *total, uint64_t *received, struct error *err)
{
	__attribute__((cleanup(free_fetch))) struct fetch *f = fetch;

	if (!f)
		return 0;
	atomic_store(&f->stop, true);
	cleanup_fd(&f->read_fd);
	f->read_fd = -1;
	pthread_join(f->thread, NULL);
	if (total)
		*total = f->total;
	if (received)
		*received += f->received;
	return f->result < 0 ? error_set(err, f->result, "%s", f->error.message) : 0;
}
