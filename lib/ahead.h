/*
 * Work of two steps, each of which keeps a CPU busy: a thread makes the next
 * result while its caller still uses the one before.
 */
#ifndef PROA_LIB_AHEAD_H
#define PROA_LIB_AHEAD_H

#include "lib/error.h"

enum { AHEAD_PLACES = 2 };

struct ahead;

/*
 * Makes the next result in `place` (below AHEAD_PLACES), whose former one nobody
 * uses any more. Returns 1, 0 where there are no more, or a
 * negative errno; is not called again after either.
 */
typedef int (*ahead_step)(void *context, unsigned int place, struct error *err);

/*
 * Starts the thread; it takes no signals. Where none can be had (a limit of processes,
 * little memory), ahead_next does the steps itself. The caller ends it with ahead_stop.
 * Returns 0 or -ENOMEM.
 */
int ahead_start(struct ahead **out, ahead_step step, void *context, struct error *err);

/*
 * Waits for the next result and gives its place, which is the caller's until the
 * next call. Returns what the step returned, in its order, the last one for ever.
 */
int ahead_next(struct ahead *ahead, unsigned int *place, struct error *err);

/* Waits for the step that is running to return, and frees all. NULL is fine. */
void ahead_stop(struct ahead *ahead);

static inline void cleanup_ahead(struct ahead **ahead)
{
	ahead_stop(*ahead);
}
#define _cleanup_ahead_ __attribute__((cleanup(cleanup_ahead)))

#endif
