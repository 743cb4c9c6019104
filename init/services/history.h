/*
 * What `proa history` knows: the former boots out of PID 1's history, those that are still
 * in the boot log ring alone (PID 1 moves them when the health gate has passed), the boot that
 * runs, and the upgrades that were done in them. What cannot be read is said in its place
 * and hides nothing else.
 */
#ifndef PROA_INIT_SERVICES_HISTORY_H
#define PROA_INIT_SERVICES_HISTORY_H

#include <jansson.h>
#include <stdio.h>

#include "lib/error.h"

struct history_paths {
	const char *history;     /* /var/lib/proa/history; with ".1" behind it the older part */
	const char *upgrades;    /* /var/lib/proa/upgrades */
	const char *boot;        /* /run/proa/boot */
	const char *init_socket; /* /run/proa/init.sock */
};

/*
 * Gathers the newest `count` boots (0: all) as the object that `proa history --json`
 * prints (proa-history(8) names its members). The caller releases it.
 *
 * Returns 0, -ENOENT where there is neither a history nor a running Proa, or another
 * negative errno.
 */
int history_gather(const struct history_paths *paths, size_t count, json_t **out,
		   struct error *err);

/* The same for people; of a boot that failed or was reset its last `lines` log lines. */
void history_print(FILE *out, const json_t *history, size_t lines);

#endif
