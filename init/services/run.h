/* Runs a program and waits for its end. */
#ifndef PROA_INIT_SERVICES_RUN_H
#define PROA_INIT_SERVICES_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { RUN_PROGRAM_MS = 30 * 1000 }; /* for mount, modprobe and the like: all waits for them */

/*
 * argv        ended by NULL; argv[0] is a path
 * timeout_ms  then it is killed, and said to have taken too long
 * said        gets the first line that it writes to standard error; names the cause, mostly
 *
 * Returns its exit status (128: ended by a signal), or a negative errno.
 */
int run_program(char *const *argv, unsigned timeout_ms, char *said, size_t size);

/*
 * The same with what it says going to `log` (a descriptor), and with an end: after `timeout_ms`
 * (0: none) it is killed, with all that it has started in its process group: -ETIMEDOUT.
 */
int run_logged(char *const *argv, int log, unsigned timeout_ms);

/*
 * Starts it in a process group of its own, with what it says going to `log`, and does not
 * wait. Returns 0 or a negative errno; the caller waits for *pid.
 */
int run_start(char *const *argv, int log, pid_t *pid);

/*
 * Waits for the end of what run_start has started, for so long at the most (0: a look). True
 * with its exit status (128: ended by a signal) where it has ended.
 */
bool run_wait(pid_t pid, int timeout_ms, int *status);

#endif
