/* Asks PID 1 by its socket (docs/internals.md "Run time"). */
#ifndef PROA_INIT_SERVICES_PID1_H
#define PROA_INIT_SERVICES_PID1_H

#include <stddef.h>

#include "lib/error.h"

enum { PID1_LINE_MAX = 1024 };

/*
 * Sends one request line and waits, two seconds at the most, for the answer.
 *
 * answer  filled with what stands behind "ok "; may be NULL
 *
 * Returns 0, -ENOENT or -ECONNREFUSED where no Proa PID 1 listens, -EPROTO
 * with its words where it refuses, or another negative errno.
 */
int pid1_request(const char *socket_path, const char *line, char *answer, size_t answer_size,
		 struct error *err);

#endif
