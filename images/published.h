/* What lies in a server's folder already, and what of it forbids to publish. */
#ifndef PROA_IMAGES_PUBLISHED_H
#define PROA_IMAGES_PUBLISHED_H

#include "images/shelf.h"

/*
 * What is there stays what it is: root documents, and releases (their signatures may change);
 * and a channel moves forward. All of these return 0, -ESTALE with what would go backwards, or
 * another negative errno.
 */
int published_check_roots(const char *folder, const struct shelf_roots *roots, struct error *err);
int published_check_channel(const char *folder, const struct shelf_channel *channel,
			    struct error *err);

/*
 * Is this release there, byte for byte? Returns 1, 0 where it is to be put there, -ESTALE where
 * another has its name, or another negative errno.
 */
int published_has_release(const char *folder, const struct channel_release *entry,
			  const struct shelf_release *release, struct error *err);

/* Calls `found` with the name of each file that ends with `suffix`; stops where it returns < 0. */
int published_each(const char *folder, const char *suffix,
		   int (*found)(void *context, const char *name, struct error *err), void *context,
		   struct error *err);

#endif
