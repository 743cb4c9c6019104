/*
 * Which releases there are: a server's channel, fetched and checked. What may
 * only move forward is remembered in a file.
 */
#ifndef PROA_UPGRADER_RELEASES_H
#define PROA_UPGRADER_RELEASES_H

#include "lib/format/channel.h"
#include "lib/trust.h"
#include "upgrader/fetch.h"

#define RELEASES_SEEN "/var/lib/proa/channel"

struct releases_request {
	struct fetch_options fetch; /* its url is the channel's */
	struct trust *trust;        /* newer root documents of the server come into force in it */
	const char *keep;           /* the folder that gets them; NULL: none */
	const char *seen; /* RELEASES_SEEN; NULL: nothing is remembered. What was seen under
			   * keys before those in force is void */
	uint64_t now;     /* seconds since 1970, by the clock */
	uint64_t built;   /* of the running release: it is later than that in any case */
};

/* The number of the root document in force that the file names; 0: none. */
uint64_t releases_root_seen(const char *seen);

/*
 * Fetches NAME.channel and its signatures, follows the root documents beside it, and checks that a
 * channel key signed it, and that it is the channel NAME. The caller has yet to make sure that the
 * root document is none of long ago (follow_check), and the channel neither (releases_check).
 *
 * warning  why new root documents could not be kept, or left as it is
 *
 * Returns 0, or
 *   -EREMOTEIO             server or network fail
 *   -ENOKEY, -EKEYREJECTED not signed by a channel key, or a root document not by its former keys
 *   -EBADMSG, -EFBIG       no channel or root document, or a damaged one
 *   -EOPNOTSUPP            it needs a newer Proa
 *   other                  a negative errno
 */
int releases_fetch(const struct releases_request *request, struct channel *out,
		   struct error *warning, struct error *err);

/*
 * Checks that the channel has not expired and is not of the future, and that none with a higher
 * serial was seen before. Returns 0 or -ESTALE.
 */
int releases_check(const struct releases_request *request, const struct channel *channel,
		   struct error *err);

/*
 * Remembers that this channel was seen. A full or read-only disk is no reason to fail: callers
 * only warn. Returns 0 or a negative errno.
 */
int releases_remember(const struct releases_request *request, const struct channel *channel,
		      struct error *err);

/* The address of a release's bundle: beside the channel's. The caller frees it; NULL: no memory. */
char *releases_url(const char *channel_url, const struct channel_release *release);

#endif
