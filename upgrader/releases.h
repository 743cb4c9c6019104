/*
 * Which releases there are: a server's channel, fetched and checked. What may
 * only move forward is remembered in a file.
 */
#ifndef PROA_UPGRADER_RELEASES_H
#define PROA_UPGRADER_RELEASES_H

#include "lib/format/channel.h"
#include "upgrader/fetch.h"

#define RELEASES_SEEN "/var/lib/proa/channel"

struct releases_request {
	struct fetch_options fetch; /* its url is the channel's */
	const struct keyring *ring;
	const char *seen;     /* RELEASES_SEEN; NULL: nothing is remembered */
	uint64_t now;         /* seconds since 1970, by the clock */
	uint64_t built;       /* of the running release: it is later than that in any case */
	uint64_t root_number; /* of the keys in force: what was seen under former ones is void */
};

/*
 * Fetches NAME.channel and its signatures, and checks that a channel key signed it, that it is
 * the channel NAME, that it has not expired and is not of the future, and that none with a higher
 * serial was seen before.
 *
 * Returns 0, or
 *   -EREMOTEIO             server or network fail
 *   -ENOKEY, -EKEYREJECTED not signed by a channel key
 *   -EBADMSG, -EFBIG       no channel, or a damaged one
 *   -EOPNOTSUPP            it needs a newer Proa
 *   -ESTALE                it has expired, or an older one comes again
 *   other                  a negative errno
 */
int releases_fetch(const struct releases_request *request, struct channel *out, struct error *err);

/*
 * Remembers that this channel was seen. A full or read-only disk is no reason to fail: callers
 * only warn. Returns 0 or a negative errno.
 */
int releases_remember(const struct releases_request *request, const struct channel *channel,
		      struct error *err);

/* The address of a release's bundle: beside the channel's. The caller frees it; NULL: no memory. */
char *releases_url(const char *channel_url, const struct channel_release *release);

#endif
