/*
 * Bytes from a web server, by libcurl: a thread fetches them in order into a
 * pipe, and takes care of what networks do. What arrives is not trusted: the
 * reader checks all of it.
 */
#ifndef PROA_UPGRADER_FETCH_H
#define PROA_UPGRADER_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define FETCH_TO_END UINT64_MAX

/* Bytes a second; and what makes the time bound of fetch_start. */
enum { FETCH_LEAST_RATE = 1000, FETCH_SLOW_S = 60, FETCH_GRACE_S = 600 };

/* What goes wrong, and is not the end of it, as it happens. */
struct fetch_notice {
	const char *url;
	const char *reason;
	unsigned int wait_ms; /* until the next try */
	const char *mirror;   /* tried now, in place of `url`, for good: `reason` names that one */
};

/* Bytes of the file at the address. */
struct fetch_range {
	uint64_t offset, size; /* size: FETCH_TO_END for all that follow */
};

/* Who the server must prove to be, and who we say that we are; each may be NULL. */
struct fetch_tls {
	const char *ca_file;     /* certificates in PEM that are trusted; NULL: the system's */
	const char *pinned_key;  /* "sha256//BASE64", several with ";": one of them, besides */
	const char *client_cert; /* in PEM, for servers that ask for it */
	const char *client_key;  /* in PEM, without a passphrase; NULL: it is in client_cert */
};

struct fetch_options {
	const char *url;            /* http:// or https:// */
	const char *const *mirrors; /* addresses of the same file, for when that fails for good */
	size_t mirror_count;
	struct fetch_tls tls;
	/* A proxy for http, one for https, and what is reached without; NULL: of the environment.
	 */
	const char *http_proxy, *https_proxy, *no_proxy;
	uint64_t rate_limit; /* bytes a second, over all connections; 0: none */
	/* Patience; 0: the constants above. */
	uint64_t least_rate;  /* who is slower than that … */
	unsigned int slow_s;  /* … for so long is broken off, and tried anew */
	unsigned int grace_s; /* for connecting, pauses and outages, in all */
	uint64_t most;        /* how much of FETCH_TO_END the caller takes at the most */
	/* Called from the fetch's own thread, before each pause; NULL: nobody wants to know. */
	void (*notice)(void *context, const struct fetch_notice *notice);
	void *notice_context;
};

/* Who is held back is not slow. */
static inline uint64_t fetch_least_rate(const struct fetch_options *options)
{
	uint64_t rate = options->least_rate ? options->least_rate : FETCH_LEAST_RATE;
	uint64_t limit = options->rate_limit;

	return limit && rate > limit / 2 ? limit / 2 + 1 : rate;
}

static inline unsigned int fetch_slow_s(const struct fetch_options *options)
{
	return options->slow_s ? options->slow_s : FETCH_SLOW_S;
}

struct fetch;

/* Is it an address that can be fetched from, and no file's name? */
bool fetch_is_url(const char *text);

/*
 * Starts to fetch the ranges, which rise and do not overlap (FETCH_TO_END is the last); options and
 * ranges are borrowed until fetch_stop. Where the server knows ranges, several are asked for at a
 * time; each holds up to half a MiB until its turn comes. A transfer that breaks or stalls is taken
 * up where it was, with pauses that grow, until next to nothing came in several tries. A server
 * that knows no ranges sends the file from its start; what is not wanted of it is thrown away.
 *
 * All of it may take no longer than its bytes take at the least rate, and the grace; time in which
 * the pipe is full does not count.
 *
 * Returns 0, -EINVAL (the address), or another negative errno.
 */
int fetch_start(const struct fetch_options *options, const struct fetch_range *ranges, size_t count,
		struct fetch **out, struct error *err);

/*
 * The pipe: all ranges, one behind the other; then its end, which comes early where fetching
 * failed. Borrowed.
 */
int fetch_fd(const struct fetch *fetch);

struct fetch_result {
	uint64_t total; /* the file's length, where an answer with the whole file told it; or 0 */
	uint64_t received; /* bytes that came over the network */
	size_t place;      /* who sent the last of it: 0 the url, else mirrors[place - 1] */
};

/*
 * Ends it, done or not, and frees all. NULL is fine; `result` may be NULL.
 *
 * Returns 0, also where it was ended early; -EREMOTEIO where server or network are at fault, with
 * what they did; -EINVAL (address, certificates), -ENOMEM.
 */
int fetch_stop(struct fetch *fetch, struct fetch_result *result, struct error *err);

static inline void cleanup_fetch(struct fetch **fetch)
{
	fetch_stop(*fetch, NULL, NULL);
}
#define _cleanup_fetch_ __attribute__((cleanup(cleanup_fetch)))

#endif
