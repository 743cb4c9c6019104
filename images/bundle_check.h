/* A whole bundle, as a machine would take it. */
#ifndef PROA_IMAGES_BUNDLE_CHECK_H
#define PROA_IMAGES_BUNDLE_CHECK_H

#include "lib/format/bundle.h"

/*
 * Signature first, then every byte: chunks, hash tree, root hash.
 *
 * fd   at the bundle's first byte; borrowed, as long as `out` is open
 * out  the bundle, read to its end, of which the head is left; untouched on failure
 *
 * Returns 0, or what bundle_open and bundle_next return.
 */
int bundle_check(int fd, const struct keyring *ring, struct bundle **out, struct error *err);

#endif
