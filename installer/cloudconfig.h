/* The cloud-config that a person gives: read early, so that a typo costs nothing. */
#ifndef PROA_INSTALLER_CLOUDCONFIG_H
#define PROA_INSTALLER_CLOUDCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config/problems.h"
#include "lib/error.h"

/*
 * Reads the file and checks it against the schema.
 *
 * out, size  an allocation that the caller frees
 * problems   gets all that is wrong, warnings too; places in it point to `path`
 *
 * Returns 0; -EINVAL: it cannot be used; -EFBIG; or the errno of opening and reading it.
 */
int cloudconfig_load(const char *path, char **out, size_t *size, struct config_problems *problems,
		     struct error *err);

/* The check alone; `name` is for messages. */
int cloudconfig_check(const char *name, const char *text, size_t size,
		      struct config_problems *problems, struct error *err);

/*
 * Whether anybody will be able to log in: a key, a password, or consoles that ask for none,
 * in the cloud-config (NULL: there is none) or among the machine's kernel arguments.
 */
bool cloudconfig_lets_in(const char *text, size_t size, const char *append);

#endif
