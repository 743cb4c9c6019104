/* Asks PID 1 or the service manager by its socket (docs/internals.md "Run time"). */
#ifndef PROA_LIB_REQUEST_H
#define PROA_LIB_REQUEST_H

#include <stddef.h>

#include "lib/error.h"
#include "lib/fields.h"

enum { REQUEST_LINE_MAX = 1024 };

struct request {
	const char *socket_path;
	const char *who;    /* listens there, for messages: "PID 1" */
	unsigned timeout_s; /* for the answer */
};

/*
 * Sends one request line and waits for the answer.
 *
 * answer  filled with what stands behind "ok "; may be NULL
 *
 * Returns 0, -ENOENT or -ECONNREFUSED where nobody listens, -EPROTO with the other's words
 * where it refuses, or another negative errno.
 */
int request_send(const struct request *request, const char *line, char *answer, size_t answer_size,
		 struct error *err);

/* The same of PID 1, which answers within two seconds. */
int request_pid1(const char *socket_path, const char *line, char *answer, size_t answer_size,
		 struct error *err);

/*
 * What PID 1 answers to "status" (docs/internals.md "Run time"), a field a word;
 * `degraded`, the last one, may hold spaces. The caller frees the fields.
 */
int request_status(const char *socket_path, struct fields *out, struct error *err);

#endif
