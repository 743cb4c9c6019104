/*
 * Which keys are valid changes: a server has all root documents, N.root beside N.root.sig, in the
 * folder of its channel, and a machine follows from the one that it knows to the newest.
 */
#ifndef PROA_UPGRADER_FOLLOW_H
#define PROA_UPGRADER_FOLLOW_H

#include "lib/trust.h"
#include "upgrader/fetch.h"

enum { FOLLOW_MAX = 64 }; /* documents in one go: so many rotations nobody sleeps through */

/*
 * Fetches the documents behind the one in force, one after the other from the folder of the
 * address fetch->url, until there is none; each takes the place of the one before it when that one
 * and its own keys signed it. Where PEM keys alone are trusted, there is nothing to follow.
 *
 * A server that does not give a document has none: who can withhold it can hide that there is
 * one, too. follow_check finds out what was seen before.
 *
 * keep     the folder that gets the accepted ones; NULL: none. Where it cannot be written,
 *          `warning` gets the reason.
 *
 * Returns 0, or
 *   -ENOKEY, -EKEYREJECTED not signed as it must be
 *   -EBADMSG, -EFBIG       no root document, too long, or there is no end of them
 *   -EOPNOTSUPP            it needs a newer Proa
 *   other                  -EINVAL, -ENOMEM
 */
int follow_roots(const struct fetch_options *fetch, struct trust *trust, const char *keep,
		 struct error *warning, struct error *err);

/*
 * May the root document in force be the newest, where `seen` is the highest number that was seen
 * before? Returns 0 or -ESTALE.
 */
int follow_check(const struct trust *trust, uint64_t seen, struct error *err);

#endif
