/*
 * User Docker's data, from one release to the next. A newer Docker may leave what an older one
 * refuses. So before an engine with a higher data version (of its release's manifest) first
 * starts, all but layers and volumes is copied; an older one that comes after it tries the
 * data as they are, and gets the copy back where it refuses them.
 *
 * Everything about it lies in `.proa` of the data root, and so on the file system of the data
 * itself, whichever is mounted there:
 *
 *   version      the mark: `version=`, the data's; while a copy is put back also
 *                `restoring=`, the copy's, and `aside=1` once the newer data are out of the way
 *   new          a copy that is being made
 *   saved-N      the copy of data of version N (0: they had no mark); one at the most
 *   refused-N    what an older engine has refused, for a person to look into; those before it
 *                are refused-N.1, refused-N.2 …
 *
 * No engine may run while these change anything. All of it can be interrupted anywhere and
 * repeated any time.
 */
#ifndef PROA_INIT_SERVICES_DOCKER_DATA_H
#define PROA_INIT_SERVICES_DOCKER_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define DOCKER_DATA_ROOT   "/var/lib/docker"
#define DOCKER_DATA_FOLDER ".proa"

struct docker_data {
	uint64_t version;   /* 0: there is no mark, or none that can be read */
	uint64_t restoring; /* version of the copy that is being put back */
	bool restores;      /* one is */
	bool aside;
};

/* Reads the mark. */
void docker_data_read(const char *root, struct docker_data *out);

/* An engine of data version `own` may start on these data, with nothing to be done before. */
bool docker_data_is_ready(const struct docker_data *data, uint64_t own);

/*
 * Brings to its end what was interrupted, and makes the copy where the data are older than
 * `own`; then docker_data_is_ready.
 *
 * Returns 1 where a copy was made, 0, -ENOSPC where there is no room for it, or another
 * negative errno.
 */
int docker_data_prepare(const char *root, uint64_t own, struct error *err);

/*
 * Puts the copy back, and the newer data aside. Returns 0, -ENOENT where there is no copy that
 * an engine of version `own` could read, or another negative errno.
 */
int docker_data_restore(const char *root, uint64_t own, struct error *err);

/* The engine of version `own` answers on newer data: they are its own from now on. */
int docker_data_accept(const char *root, uint64_t own, struct error *err);

/* Finds the first of what was refused, by name. True with its path. */
bool docker_data_find_refused(const char *root, char *path, size_t size);

/* For docker_data.c alone: what is copied, and how (docker_data_copy.c). */

/* `path` below the data root: is it in the copy? */
bool docker_data_is_copied(const char *path);

/* `name` in the data root: does it stay in place when a copy is put back? */
bool docker_data_stays(const char *name);

/* What docker_data_copy needs. */
int docker_data_measure(const char *root, uint64_t *bytes, uint64_t *files, struct error *err);

/* Copies to the folder `to`, which is made. Nothing is synced. */
int docker_data_copy(const char *root, const char *to, struct error *err);

/*
 * Moves what is not in a copy though its folder is (logs of containers, plugins' files) from
 * `from` to the same folders of `root`, where these are there.
 */
int docker_data_carry(const char *from, const char *root, struct error *err);

#endif
