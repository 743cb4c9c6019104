/*
 * What people ask of the running service manager (`proa service`, `proa config apply`, `proa
 * upgrade`): a socket of its own, one request line, one answer line (docs/internals.md "Run time").
 */
#ifndef PROA_INIT_SERVICES_CONTROL_H
#define PROA_INIT_SERVICES_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

struct supervisor;

enum {
	CONTROL_CLIENTS = 4, /* at once; the oldest makes room */
	CONTROL_WATCHED = 1 + CONTROL_CLIENTS,
	CONTROL_LINE_MAX = 512,
};

struct control {
	int listener;
	int clients[CONTROL_CLIENTS]; /* -1: free */
	size_t next;                  /* the one that makes room */
};

#define CONTROL_INIT {.listener = -1, .clients = {-1, -1, -1, -1}}

/* Listens at `path`. Returns 0 or a negative errno. */
int control_open(struct control *control, const char *path, struct error *err);
void control_close(struct control *control);

/* Fills CONTROL_WATCHED entries for poll(2); later does what their revents say. */
void control_watch(const struct control *control, struct pollfd *watched);
void control_serve(struct control *control, struct supervisor *supervisor,
		   const struct pollfd *watched);

/* The answer to one request, which is changed: "ok …" or "error …". */
void control_answer(struct supervisor *supervisor, char *request, bool root, char *answer,
		    size_t size);

#endif
