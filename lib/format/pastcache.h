/*
 * Reading what the medium holds, not what the page cache remembers: O_DIRECT
 * where the file takes it, else after the pages were written and dropped.
 */
#ifndef PROA_LIB_FORMAT_PASTCACHE_H
#define PROA_LIB_FORMAT_PASTCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { PASTCACHE_ALIGNMENT = 4096 };

/*
 * A second descriptor for the file behind `fd`, for reading only; the caller
 * closes it. Reads through it must be aligned to 4096 bytes in place, length
 * and memory. Dirty pages are written first.
 */
int pastcache_open(int fd, struct error *err);

#endif
