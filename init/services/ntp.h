/* The section proa.ntp as chronyd reads it. */
#ifndef PROA_INIT_SERVICES_NTP_H
#define PROA_INIT_SERVICES_NTP_H

#include <stdbool.h>

#include "lib/config/layers.h"

#define NTP_CONF    "/run/proa/ntp/chrony.conf"
#define NTP_LEARNED "/run/proa/ntp/network.sources"

/* Whether the configuration names servers: then no others count. */
bool ntp_is_configured(const struct config *config);

/*
 * Writes chronyd's configuration to `path`. What is wrong is added to the problems.
 *
 * changed  whether the file is not what it was: chronyd must read it again
 *
 * Returns 0 or -ENOMEM.
 */
int ntp_apply(struct config *config, const char *path, bool *changed);

/*
 * Writes the servers that the network names (DHCP's option 42, RFC 2132 §8.3) to `path`. They
 * count beside Debian's pool, where the configuration names none. When it names none any more,
 * its last word counts: a cable that is pulled changes nothing.
 *
 * state  networkd's file; it need not be there
 *
 * Returns 1 where they were others before, 0 where not, or a negative errno.
 */
int ntp_learn(const char *state, const char *path, struct error *err);

#endif
