/*
 * Seeding: System Docker's data root gets the metadata of the slot's images,
 * and symbolic links to their layers, before its dockerd starts. Nothing is
 * loaded or unpacked.
 *
 * The slot's seed holds the files that dockerd itself would have written
 * (image/overlay2/…, overlay2/…). Seeding compares each with what is there and
 * puts right what differs: it can be interrupted anywhere and repeated any time,
 * and mends a torn store. Images,
 * tags, volumes and containers of a person stay.
 *
 * An image that a person built on a layer of the slot, and a container of theirs, needs that
 * layer still when another release runs: then it is copied out of the slot that does not run,
 * in the place of the link (seed_layers.c).
 *
 * `.seed` in the data root remembers what was seeded, so that a later release
 * can take it away again (seed_prune.c). It is written last, and before another
 * release's seeding it is made to name none; PID 1 skips the seeding where its
 * first line is the root hash of the slot that runs.
 */
#ifndef PROA_INIT_SERVICES_SEED_H
#define PROA_INIT_SERVICES_SEED_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"

#define SEED_SOURCE "/seed"
#define SEED_TARGET "/var/lib/system-docker"
#define SEED_MARKER ".seed"
#define SEED_LOST   "/layers/lost" /* what a layer that is not to be had any more leads to */

enum {
	SEED_FILE_MAX = 4 << 20, /* bytes of one file of metadata */
	SEED_DEPTH_MAX = 16,
};

/* The slot that does not run. */
struct seed_slot {
	/* Checks and mounts it; `root` gets where. Returns 0 or a negative errno. */
	int (*open)(char *root, size_t size, struct error *err);
	void (*close)(const char *root);
};

extern const struct seed_slot seed_other_slot; /* of this machine (seed_slot.c) */

/* Does a seeding go on there, by this program or another one? */
bool seed_is_busy(const char *target);

/*
 * Brings `target` in line with `source`. Returns 0 or a negative errno.
 *
 * slot  has the layers of the release before; NULL: layers are let alone (the caller cannot
 *       wait for as long as that may take)
 */
int seed_run(const char *source, const char *target, const struct seed_slot *slot,
	     struct error *err);

/*
 * Takes away what the seed before this one has left: its containers (they are
 * disposable), and those of its images and layers that are not in `now` and that
 * nothing of a person refers to.
 *
 * before, now  markers: {"release": the slot's root hash, "entries": paths of the
 *              seed's images and layers, "tags": their names}; before may be NULL
 */
int seed_prune(const char *target, const json_t *before, const json_t *now, struct error *err);

/*
 * Lists the layers (their cache ids) that are kept for a person, and lead into a slot with
 * another release than `now`, as links do.
 */
int seed_foreign_layers(const char *target, const json_t *now, json_t *out, struct error *err);

/*
 * Copies these layers out of the slot. One that cannot be is made to lead nowhere, which is
 * better than into another userland. Returns 0, -ENOSPC where it is worth to try again when
 * there is room, or another negative errno.
 */
int seed_keep_layers(const char *target, const json_t *layers, const struct seed_slot *slot,
		     struct error *err);

/* Removes a file or a folder with all below it; what isn't there is fine. */
int seed_remove(const char *path, struct error *err);

/* Reads a JSON object. Returns NULL where it is missing, too long or none. */
json_t *seed_read_json(const char *path);

#endif
