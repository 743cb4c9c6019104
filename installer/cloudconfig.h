/* The cloud-config that a person gives: read early, so that a typo costs nothing. */
#ifndef PROA_INSTALLER_CLOUDCONFIG_H
#define PROA_INSTALLER_CLOUDCONFIG_H

#include <stddef.h>

#include "lib/error.h"

enum { CLOUDCONFIG_SIZE_MAX = 1 << 20 };

/*
 * Reads the file and checks that it is YAML with a mapping at its top. What the
 * keys mean is the running system's business.
 *
 * out, size  an allocation that the caller frees
 *
 * Returns 0; -EINVAL with line and column of what is wrong; -EFBIG; or the errno
 * of opening and reading it.
 */
int cloudconfig_load(const char *path, char **out, size_t *size, struct error *err);

/* The check alone; `name` is for messages. */
int cloudconfig_check(const char *name, const char *text, size_t size, struct error *err);

#endif
