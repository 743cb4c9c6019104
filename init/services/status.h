/*
 * What `proa status` knows: the records of PID 1 and of the service manager,
 * the flip block, both slots' descriptors, and what became of upgrades, read afresh. What cannot be
 * read is said in its place and hides nothing else: at 3 a.m. half an answer counts.
 */
#ifndef PROA_INIT_SERVICES_STATUS_H
#define PROA_INIT_SERVICES_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/error.h"

struct status_paths {
	const char *boot;        /* /run/proa/boot */
	const char *services;    /* /run/proa/status */
	const char *upgrades;    /* /var/lib/proa/upgrades */
	const char *init_socket; /* /run/proa/init.sock */
	const char *keys;        /* root documents of the running slot, */
	const char *keys_seen;   /* and those that were accepted since: ROOTS_SEEN */
};

/*
 * Gathers everything as the object that `proa status --json` prints
 * (proa-status(8) names its members). The caller releases it.
 *
 * Returns 0, -ENOENT where this isn't a running Proa, or another negative errno.
 */
int status_gather(const struct status_paths *paths, json_t **out, struct error *err);

/* The same for people. */
void status_print(FILE *out, const json_t *status);

/* Something is wrong that a person should look at. */
bool status_is_degraded(const json_t *status);

#endif
