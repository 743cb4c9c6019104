/*
 * The section proa.network as systemd-networkd reads it (systemd.network(5)): a file for
 * each port, or pattern of ports, that the configuration names, and one for all others.
 */
#ifndef PROA_INIT_SERVICES_NETWORK_H
#define PROA_INIT_SERVICES_NETWORK_H

#include <stdbool.h>

#include "init/services/resolv.h"
#include "lib/config/layers.h"

/* Where files are written; the machine's own but in tests. */
struct network_paths {
	const char *folder; /* of *.network files; what else is there of them goes */
};

extern const struct network_paths network_of_this_machine;

/*
 * Writes all of it. What is wrong is added to the configuration's problems.
 *
 * changed  whether any port's file is not what it was: networkd must read them again
 * names    gets what it says of name servers and domains; resolv_free frees it
 *
 * Returns 0 or -ENOMEM.
 */
int network_apply(struct config *config, const struct network_paths *paths, bool *changed,
		  struct resolv *names);

#endif
