/* mounts of the configuration: further file systems. */
#ifndef PROA_INIT_SERVICES_MOUNTS_H
#define PROA_INIT_SERVICES_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/config/layers.h"

/*
 * In a process of its own, whose descriptors mount(8) inherits: mounts those that are not mounted yet. A folder that is not there is made.
 *
 * said  gets what is wrong with the first that could not be mounted; "" where all could
 * wait  whether one's device is not there (yet): it is worth to try again
 */
void mounts_apply(const struct config *config, char *said, size_t size, bool *wait);

enum { MOUNTS_AGAIN = 75 }; /* exit code: worth to try again (EX_TEMPFAIL of sysexits.h) */

/* A process that does it (`proa-services --mounts`), because any of them may take long. */
struct mounting {
	pid_t pid;     /* 0: there is none */
	int said;      /* file that it writes its word to */
	bool outdated; /* the configuration has changed since it was started */
};

/* Starts it, unless there is one: that becomes outdated. Returns 0 or a negative errno. */
int mounts_start(struct mounting *mounting);

/*
 * Whether it, which was started, has ended, or does so within `wait_ms`. Then:
 *
 * said   gets its word, as from mounts_apply
 * again  whether it is worth to try again
 */
bool mounts_ended(struct mounting *mounting, int wait_ms, char *said, size_t size, bool *again);

#endif
