/*
 * The channel: which releases a server has, `NAME.channel` beside
 * `NAME.channel.sig` (docs/formats.md "The channel"). Short-lived, and only
 * ever moves forward. Check its signature first, then parse. No heap.
 */
#ifndef PROA_LIB_FORMAT_CHANNEL_H
#define PROA_LIB_FORMAT_CHANNEL_H

#include "lib/format/manifest.h"
#include "lib/sign.h"

enum {
	CHANNEL_SIZE_MAX = 16 << 10, /* bytes */
	CHANNEL_RELEASES_MAX = 64,
	CHANNEL_FILE_SIZE = 128, /* a bundle's name, its NUL included */
};

struct channel_release {
	char version[MANIFEST_TEXT_SIZE];
	char min_version[MANIFEST_TEXT_SIZE]; /* the least to upgrade from, as in its manifest */
	uint64_t epoch;
	uint64_t bundle_size;               /* bytes: nobody fetches more */
	uint8_t manifest_sha256[HASH_SIZE]; /* of the manifest's exact bytes: no other passes */
	char file[CHANNEL_FILE_SIZE];       /* in the channel's folder; no slash */
};

struct channel {
	char name[MANIFEST_TEXT_SIZE]; /* "stable" */
	uint64_t serial;               /* 1 and up; a lower one than was seen is refused */
	uint64_t time, expires;        /* seconds since 1970 */
	struct channel_release releases[CHANNEL_RELEASES_MAX];
	size_t count;
};

/*
 * Reads the document's bytes.
 *
 * Returns 0, -EFBIG, -EBADMSG (malformed, a key missing or twice, a version twice, an expiry that
 * does not follow its time), or -EOPNOTSUPP (a key that starts with `!` and is not known here).
 */
int channel_parse(const void *text, size_t size, struct channel *out, struct error *err);

/* Writes the text. Returns 0, or what channel_parse would refuse it with. */
int channel_render(const struct channel *channel, char out[CHANNEL_SIZE_MAX], size_t *size,
		   struct error *err);

#endif
