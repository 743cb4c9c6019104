/* /run/proa/init.sock: docs/internals.md "Run time". */
#ifndef PROA_INIT_SUPERVISE_SOCKET_H
#define PROA_INIT_SUPERVISE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "init/supervise/gate.h"
#include "lib/error.h"

enum { SOCKET_REQUEST_SIZE = 512, SOCKET_ANSWER_SIZE = 640 };

int socket_start(struct gate *gate, struct error *err);

/* One request; `root`: the caller is uid 0. Writes the answer's line. */
void socket_answer(struct gate *gate, char *request, bool root, char *answer, size_t size);

#endif
