/* What a server shows to people: index.html, and SHA256SUMS for sha256sum(1). */
#ifndef PROA_IMAGES_PAGE_H
#define PROA_IMAGES_PAGE_H

#include "images/shelf.h"

/*
 * Plain HTML, without scripts and without anything from elsewhere; what came from files stands
 * there escaped. The text is allocated.
 *
 * Returns 0 or -ENOMEM.
 */
int page_index(const struct shelf_roots *roots, const struct shelf_channel *const channels[],
	       size_t count, char **out, size_t *size, struct error *err);

/* A line for each bundle, and each root document and its signatures. */
int page_sums(const struct shelf_roots *roots, const struct shelf_channel *const channels[],
	      size_t count, char **out, size_t *size, struct error *err);

#endif
