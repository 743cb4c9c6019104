/* A release's bundle, opened: a file, a pipe, or an address of which only the head is fetched. */
#ifndef PROA_UPGRADER_OPEN_H
#define PROA_UPGRADER_OPEN_H

#include "lib/format/bundle.h"
#include "upgrader/source.h"

struct open_request {
	const char *bundle;                    /* as a person named it; NULL: `release` */
	const struct channel_release *release; /* of source->channel, or NULL */
};

struct opened {
	struct bundle *bundle;
	/* Where its data is, and where else; none: `fd`. */
	char *urls[OPTION_LIST_MAX];
	size_t url_count;
	int fd;           /* -1: not open */
	uint64_t fetched; /* bytes, for the head */
};

#define OPENED_INIT                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

void open_end(struct opened *opened);
#define _cleanup_opened_ __attribute__((cleanup(open_end)))

/*
 * Opens it, and checks its signature and, where the channel names it, that it is that one. Of an
 * address, source->fetch names it and its mirrors afterwards, for the data.
 *
 * Returns 0, bundle_open's answers, -EREMOTEIO, -EBADMSG where it is another release than the
 * channel names, or open(2)'s errno (-EACCES for its -EPERM).
 */
int open_release(const struct open_request *request, struct source *source,
		 const struct keyring *ring, struct opened *out, struct error *err);

#endif
