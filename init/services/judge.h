/*
 * What the health gate asks for beside the services: people's containers, their own checks,
 * and the kernel and initramfs that the next boot will need.
 */
#ifndef PROA_INIT_SERVICES_JUDGE_H
#define PROA_INIT_SERVICES_JUDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/services/baseline.h"
#include "init/services/containers.h"
#include "init/services/health.h"

struct supervisor;
struct docker_reply;

struct judge {
	struct health checks;
	struct containers containers;
	json_t *list; /* the last answer, while policies are asked for */
	char id[65];  /* of the container that is asked for */
	bool asking, listed;
	bool settled; /* what ran when the gate spoke is not expected any more */
	char *recorded;                           /* the file as it is; NULL: not read yet */
	bool remembering, asked_last, remembered; /* the last look of all */
	uint64_t next_ms;      /* the next look at the containers; the end of the last one */
	int64_t clock_ms;      /* the clock of the day, less the time since the kernel started */
	pid_t reader;          /* reads /boot; 0: not now */
	bool read;             /* /boot has been read, or cannot be */
	char boot[128];        /* what is wrong with it; "": nothing */
	struct baseline known; /* what failed before this release was tried */
	struct baseline_taking taking;
};

void judge_init(struct judge *judge);
void judge_step(struct supervisor *supervisor, uint64_t now);

/* What is missing, in words; "": nothing. */
void judge_says(const struct supervisor *supervisor, char *out, size_t size);

/* What of it is left out of the verdict, since it failed before the upgrade; "": nothing. */
void judge_says_known(const struct judge *judge, char *out, size_t size);

/* Reads what failed before `release` was tried, for as long as it has not settled. */
void judge_know(struct judge *judge, const char *release);

/*
 * Begins to take the baseline for a release that is to be tried. Returns 0, or -EAGAIN where it
 * cannot be taken now.
 */
int judge_take_baseline(struct supervisor *supervisor, const char *release, struct error *err);

/* Gives up one that takes too long; `taking` tells where it stands. */
const struct baseline_taking *judge_baseline(struct supervisor *supervisor);

/*
 * Looks a last time at what runs, before user Docker is stopped. Returns whether that has
 * been done, or is not to be waited for any more: call it until then.
 */
bool judge_remember(struct supervisor *supervisor, uint64_t now);

void judge_end(struct judge *judge);

/* Reads the kernel and the initramfs of this slot, in a process of its own: an exit code. */
int judge_read_boot(void);

#endif
