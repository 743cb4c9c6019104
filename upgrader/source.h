/* Where releases come from: the channel of a command line or of the configuration. */
#ifndef PROA_UPGRADER_SOURCE_H
#define PROA_UPGRADER_SOURCE_H

#include "upgrader/releases.h"
#include "upgrader/settings.h"
#include "upgrader/target.h"

struct source {
	const char *channel_url; /* --channel; NULL: the configuration's */
	struct fetch_options fetch;
	struct settings settings;
	struct channel channel; /* once source_read has read it */
};

void source_free(struct source *source);
#define _cleanup_source_ __attribute__((cleanup(source_free)))

/*
 * Reads this machine's settings where `target` is this machine.
 *
 * Returns 0, -EACCES or -ENOMEM.
 */
int source_open(struct source *source, const struct target *target, struct error *err);

/*
 * Fetches the channel, checks it, and remembers that it was seen (of this machine; where that
 * cannot be written, `warning` gets the reason, else it stays empty).
 *
 * Returns 0, -ENODATA where no channel is named, or releases_fetch's answers.
 */
int source_read(struct source *source, const struct target *target, const struct slot *running,
		struct error *warning, struct error *err);

#endif
