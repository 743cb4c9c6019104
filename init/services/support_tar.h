/*
 * A tar archive (ustar, POSIX.1-1988) in zstd frames, a frame a file. By hand: libarchive's
 * writers bring all formats that it knows with them, and with these libxml2 and its ICU,
 * 40 MB, into the image.
 */
#ifndef PROA_INIT_SERVICES_SUPPORT_TAR_H
#define PROA_INIT_SERVICES_SUPPORT_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { SUPPORT_TAR_NAME_MAX = 99 };

/* Appends a file, mode 0600, root's. Returns 0, -ENAMETOOLONG or another negative errno. */
int support_tar_add(int fd, const char *name, const char *data, size_t size, uint64_t time,
		    struct error *err);

/* The archive's end. */
int support_tar_end(int fd, struct error *err);

#endif
