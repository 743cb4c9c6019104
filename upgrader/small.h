/* A small file of a server, fetched whole. */
#ifndef PROA_UPGRADER_SMALL_H
#define PROA_UPGRADER_SMALL_H

#include "upgrader/fetch.h"

/*
 * Fetches options->url; the server may send what it likes, no more than `limit` bytes of it are
 * taken.
 *
 * Returns 0, -EFBIG where it is longer, or fetch_stop's answers.
 */
int small_fetch(const struct fetch_options *options, char *out, size_t limit, size_t *size,
		struct error *err);

/* The same of the address with ".sig" behind its path. */
int small_fetch_signature(const struct fetch_options *options, char *out, size_t limit,
			  size_t *size, struct error *err);

#endif
