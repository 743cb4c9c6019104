/*
 * Client of the Docker API: HTTP over a unix socket (libcurl), bodies in JSON
 * (jansson). Requests run side by side in one loop and never block it; a
 * program that only asks once uses docker_call.
 *
 * A daemon binds its socket long before it answers. A request that is sent in
 * between waits in the socket's queue, so nobody has to poll for readiness.
 */
#ifndef PROA_LIB_DOCKER_DOCKER_H
#define PROA_LIB_DOCKER_DOCKER_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"
#include "lib/json.h"

/* Spoken by Docker 25 and later; Docker 29 refuses anything older. */
#define DOCKER_API "/v1.44"

enum {
	DOCKER_REPLY_MAX = 16 << 20, /* bytes of a body, or of one line of a stream */
};

struct docker_loop;
struct docker_request;

/* What came back; borrowed, valid during the callback only. */
struct docker_reply {
	int result;        /* 0: the daemon answered; else a negative errno */
	long status;       /* HTTP status, where it answered */
	const json_t *body; /* NULL where there is none or it isn't JSON */
	const char *text;   /* the failure as a sentence, "" where status is below 400 */
};

/* True where the daemon answered and did what it was asked to. */
static inline bool docker_reply_ok(const struct docker_reply *reply)
{
	return reply->result == 0 && reply->status >= 200 && reply->status < 400;
}

typedef void (*docker_done)(void *data, const struct docker_reply *reply);
typedef void (*docker_line)(void *data, const json_t *line);

struct docker_query {
	const char *socket;  /* path of the daemon's socket */
	const char *method;  /* "GET", "POST", "DELETE" */
	const char *path;    /* "/containers/json?all=1", without the API's version */
	const json_t *body;  /* NULL: none; borrowed until docker_send returns */
	unsigned timeout_ms; /* for the whole answer; 0: none */
	docker_line line;    /* a stream: called for each line that is JSON; NULL: none */
	docker_done done;    /* called once, unless the request is cancelled */
	void *data;          /* for both callbacks */
};

/* A new loop. Returns NULL with a sentence. docker_loop_free cancels what is under way. */
struct docker_loop *docker_loop_new(struct error *err);
void docker_loop_free(struct docker_loop *loop);

/*
 * Starts a request. Its callbacks run within docker_loop_wait, never here.
 *
 * out  may be NULL; else the request, for docker_cancel, valid until `done` ran.
 *
 * Returns 0 or a negative errno; `done` is not called after a failure.
 */
int docker_send(struct docker_loop *loop, const struct docker_query *query,
		struct docker_request **out, struct error *err);

/* Ends a request without a callback. Not from within one of its own callbacks. */
void docker_cancel(struct docker_request *request);

/*
 * Waits until something happens on a request, on one of `fds` (whose revents
 * are filled in) or until `timeout_ms` have passed, and runs the callbacks.
 * Returns 0 or a negative errno.
 */
int docker_loop_wait(struct docker_loop *loop, struct pollfd *fds, size_t count, int timeout_ms,
		     struct error *err);

/*
 * One request, waited for.
 *
 * out  may be NULL; else the answer's JSON (NULL where it has none), which the
 *      caller releases with json_decref.
 *
 * Returns the HTTP status (below 400), or a negative errno with a sentence:
 *   -ENOENT  the daemon says 404
 *   -EPROTO  the daemon says 400 or more
 *   other    no answer
 */
int docker_call(const char *socket, const char *method, const char *path, const json_t *body,
		unsigned timeout_ms, json_t **out, struct error *err);

#endif
