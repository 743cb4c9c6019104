/*
 * The health gate's baseline: which of people's checks and containers fail already before a
 * release is tried (DESIGN §7). They are left out of its verdict, until it has settled.
 *
 * /var/lib/proa/baseline, a JSON object: `release` (the root hash that it is for), `checks` and
 * `containers` (names).
 */
#ifndef PROA_INIT_SERVICES_BASELINE_H
#define PROA_INIT_SERVICES_BASELINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/services/containers.h"
#include "lib/error.h"
#include "lib/hash.h"

/* Names; NULL is none. */
struct baseline {
	json_t *checks, *containers;
};

/* What the file says of this release; of another one's, or where it cannot be read: nothing. */
void baseline_read(const char *path, const char *release, struct baseline *out);

/* Replaces the file. Returns 0 or a negative errno. */
int baseline_write(const char *path, const char *release, const struct baseline *baseline,
		   struct error *err);

void baseline_free(struct baseline *baseline);

/* Is it among them? `names` may be NULL. */
bool baseline_has(const json_t *names, const char *name);

/* "check 50-thing; container web": for people; cut where it does not fit. "": nothing. */
void baseline_print(const struct baseline *baseline, char *out, size_t size);

/* One that is being taken, while the machine goes on. */
struct baseline_taking {
	bool active, taken;
	char release[HASH_HEX_SIZE];
	uint64_t began_ms;
	unsigned round; /* of the checks, that must have ended */
	struct containers watched;
	json_t *containers;   /* that failed in the last look; NULL: none yet */
	bool young;           /* some of them may only have had no time yet */
	struct error err;     /* why it was not taken */
	struct baseline last; /* what was */
};

enum { BASELINE_YOUNG_MS = 30000 }; /* one that has just started has so long to go on */

/* `round`: the number of the round of checks to wait for. */
void baseline_begin(struct baseline_taking *taking, const char *release, unsigned round,
		    uint64_t now);

/* A list of user Docker's (/containers/json?all=1) while it is active. */
void baseline_look(struct baseline_taking *taking, const json_t *list, uint64_t now);

/*
 * Ends it where all is known: `ended` rounds of checks, of which `failed` did in the last one.
 * The file is written then.
 */
void baseline_step(struct baseline_taking *taking, const char *path, unsigned ended,
		   const json_t *failed, uint64_t now);

/* Gives it up after `limit_ms`. */
void baseline_expire(struct baseline_taking *taking, uint64_t now, uint64_t limit_ms);

void baseline_end(struct baseline_taking *taking);

#endif
