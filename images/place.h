/* Where a slot lies in the file or device that a person named. */
#ifndef PROA_IMAGES_PLACE_H
#define PROA_IMAGES_PLACE_H

#include <stdint.h>

#include "lib/error.h"

struct place {
	uint64_t offset, size;
};

/*
 * `offset` and `size` as a person typed them, in bytes, either may be NULL:
 * then from the start, or to the end of what `fd` is open on.
 */
int place_find(int fd, const char *offset, const char *size, struct place *out,
	       struct error *err);

#endif
