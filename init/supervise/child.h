/*
 * Processes that PID 1 starts: each in a session and a cgroup of its own, its
 * output in a bounded file, started again when it ends while it is wanted.
 */
#ifndef PROA_INIT_SUPERVISE_CHILD_H
#define PROA_INIT_SUPERVISE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_LOG_FOLDER "/run/proa/log"
#define CHILD_PATH       "PATH=/usr/sbin:/usr/bin:/sbin:/bin" /* in every environment */

enum {
	CHILD_ARGUMENTS_MAX = 96,
	CHILD_LOG_LIMIT = 256 << 10, /* bytes, then NAME becomes NAME.1 */
	CHILD_BACKOFF_FIRST_MS = 200,
	CHILD_BACKOFF_MAX_MS = 30 * 1000,
	CHILD_STEADY_MS = 60 * 1000, /* having run this long, the back-off starts over */
};

struct child {
	const char *name; /* of its log and its cgroup */
	const char *argv[CHILD_ARGUMENTS_MAX];
	int (*run)(void); /* in place of argv: code of PID 1's own, in the new process */
	const char *const *environment; /* NULL: CHILD_PATH alone */
	int oom_score_adj;
	bool wanted;                                     /* restart when it ends */
	void (*ended)(struct child *child, int status); /* in place of a restart; may be NULL */
	void (*restarting)(struct child *child, uint64_t ran_ms); /* before it; may be NULL */
	/* Kept by child.c: */
	pid_t pid; /* 0: not running */
	uint64_t started_ms;
	uint64_t backoff_ms;
};

/* The waiting time before the restart that follows a run of `ran_ms`. */
uint64_t child_next_backoff(uint64_t backoff_ms, uint64_t ran_ms);

/* Starts it now; where fork fails, as if it had ended at once. */
void child_start(struct child *child);

/* Sends a signal, if it runs. */
void child_signal(const struct child *child, int number);

/* Reaps all that ended: known children and orphans alike. */
void child_reap(void);

/* Turns the loop until the child has ended, or the time is over. Returns whether it ended. */
bool child_wait(const struct child *child, uint64_t timeout_ms);

/* Bounds the logs; to be called every few seconds. */
void child_trim_logs(void);

#endif
