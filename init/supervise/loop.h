/*
 * PID 1's one loop: descriptors by epoll, signals by a signalfd, deadlines in a
 * small table. All memory is static.
 */
#ifndef PROA_INIT_SUPERVISE_LOOP_H
#define PROA_INIT_SUPERVISE_LOOP_H

#include <stdint.h>

#include "lib/error.h"

typedef void (*loop_fn)(void *context);
typedef void (*loop_signal_fn)(int number);

/* Blocks all signals and hands them to `on_signal`, from inside the loop. */
int loop_start(loop_signal_fn on_signal, struct error *err);

/* A descriptor that is ready to read (or has hung up) calls `fn`. Returns 0 or -errno. */
int loop_add(int fd, loop_fn fn, void *context);
/* Forgets the descriptor, before it is closed. */
void loop_remove(int fd);

/*
 * Calls `fn` once, in `ms` milliseconds; the same pair of `fn` and `context`
 * again moves its deadline. Returns 0 or -ENOSPC.
 */
int loop_after(uint64_t ms, loop_fn fn, void *context);
void loop_cancel(loop_fn fn, void *context);

/* Waits for at most `timeout_ms` (-1: no limit) and serves what is ready. */
void loop_turn(int timeout_ms);

#endif
