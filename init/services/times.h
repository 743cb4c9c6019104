/*
 * When what happened for the first time in this boot, in ms since the kernel started (0: not
 * yet): for `proa boot-chart`, in /run/proa/status. A manager that is started again takes
 * over what the one before it had written.
 */
#ifndef PROA_INIT_SERVICES_TIMES_H
#define PROA_INIT_SERVICES_TIMES_H

#include <stdint.h>
#include <stdio.h>

struct supervisor;
struct fields;

struct boot_times {
	uint64_t manager, system_docker, user_docker;
};

struct service_times {
	uint64_t create, start, running;
};

/* Now, unless it has happened before. */
void times_note(uint64_t *first);

/* As lines of the status file. */
void times_print(FILE *out, const struct supervisor *supervisor);

/* Out of the lines of an earlier manager; those that are missing stay as they are. */
void times_restore(struct supervisor *supervisor, const struct fields *before);

#endif
