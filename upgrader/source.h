/* Where releases come from: the channel of a command line or of the configuration, and mirrors. */
#ifndef PROA_UPGRADER_SOURCE_H
#define PROA_UPGRADER_SOURCE_H

#include "upgrader/notices.h"
#include "upgrader/releases.h"
#include "upgrader/settings.h"
#include "upgrader/target.h"

struct source {
	struct option_list channels; /* addresses of one channel; none: the configuration's */
	size_t place;                /* which of them showed `channel` */
	const char *least_rate, *rate_limit; /* as typed; source_check reads them */
	struct fetch_options fetch;
	struct notices notices;
	struct settings settings;
	struct channel channel; /* once source_read has read it */
};

/* The rows of an option table for it. */
#define SOURCE_OPTIONS(s)                                                                          \
	{0,                                                                                        \
	 "channel",                                                                                \
	 "URL",                                                                                    \
	 OPTION_LIST,                                                                              \
	 &(s)->channels,                                                                           \
	 "the channel to look in (default: proa.upgrade.url); more of them are mirrors"},          \
		{0,                                                                                \
		 "ca-file",                                                                        \
		 "FILE",                                                                           \
		 OPTION_STRING,                                                                    \
		 &(s)->fetch.tls.ca_file,                                                          \
		 "trust these certificates (PEM) to prove who the server is"},                     \
		{0,                                                                                \
		 "pinned-key",                                                                     \
		 "HASH",                                                                           \
		 OPTION_STRING,                                                                    \
		 &(s)->fetch.tls.pinned_key,                                                       \
		 "the server must have this key: sha256//BASE64"},                                 \
		{0,                                                                                \
		 "client-cert",                                                                    \
		 "FILE",                                                                           \
		 OPTION_STRING,                                                                    \
		 &(s)->fetch.tls.client_cert,                                                      \
		 "certificate (PEM) to show to the server"},                                       \
		{0,                                                                                \
		 "client-key",                                                                     \
		 "FILE",                                                                           \
		 OPTION_STRING,                                                                    \
		 &(s)->fetch.tls.client_key,                                                       \
		 "its key, where that is not in the same file"},                                   \
		{0,                                                                                \
		 "least-rate",                                                                     \
		 "RATE",                                                                           \
		 OPTION_STRING,                                                                    \
		 &(s)->least_rate,                                                                 \
		 "bytes a second that a server must send (default: 1000)"},                        \
	{                                                                                          \
		0, "rate-limit", "RATE", OPTION_STRING, &(s)->rate_limit,                          \
			"bytes a second that it may send: 500K (default: no limit)"                \
	}

/* Reads what was typed. Returns 0, or -EINVAL with what is wrong with it. */
int source_check(struct source *source, struct error *err);

void source_free(struct source *source);
#define _cleanup_source_ __attribute__((cleanup(source_free)))

/*
 * Reads this machine's settings where `target` is this machine.
 *
 * Returns 0, -EACCES or -ENOMEM.
 */
int source_open(struct source *source, const struct target *target, struct error *err);

/*
 * Fetches the channel, from a mirror where those before fail, and the root documents beside it,
 * checks them, and remembers what was seen (of this machine, by its own keys; where that cannot be
 * written, `warning` gets the reason, else it stays empty). Fills in the running slot, too.
 *
 * Returns 0; -ENODATA where no channel is named; -ESTALE where root documents or channel are older
 * than what was seen, or the channel has expired; -EUCLEAN where the running slot's descriptor is
 * wrong; or releases_fetch's answers.
 */
int source_read(struct source *source, struct target *target, struct slot *running,
		struct error *warning, struct error *err);

/*
 * The same for a bundle that a person names: follows the root documents beside it where it is an
 * address. Returns 0, -ESTALE, or follow_roots's answers.
 */
int source_follow(const struct source *source, struct target *target, const char *bundle,
		  struct error *warning, struct error *err);

/* Says that `mirror` is tried in place of `url`, and why; `err` is empty afterwards. */
void source_next(const struct source *source, const char *url, const char *mirror,
		 struct error *err);

#endif
