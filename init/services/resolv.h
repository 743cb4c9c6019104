/*
 * /etc/resolv.conf: the name servers that the configuration names, or those that
 * systemd-networkd has learned by DHCP and router advertisements.
 */
#ifndef PROA_INIT_SERVICES_RESOLV_H
#define PROA_INIT_SERVICES_RESOLV_H

#include "lib/error.h"

/* Lines of the file that the configuration decides; NULL: networkd's count. */
struct resolv {
	char *nameservers; /* "nameserver ADDRESS\n" … */
	char *search;      /* "search DOMAIN …\n" */
};

void resolv_free(struct resolv *resolv);

/*
 * Watches `folder`, where networkd keeps its state. Returns a descriptor that is readable
 * whenever something has changed there (the caller closes it), or a negative errno.
 */
int resolv_watch(const char *folder, struct error *err);

/*
 * Reads what the watch has to say, and writes the file `path` where it is not the same already:
 * in place, since containers have it mounted.
 *
 * watch  of resolv_watch; -1: there is none
 * state  networkd's file; it need not be there
 *
 * Returns 0 or a negative errno.
 */
int resolv_update(const struct resolv *resolv, int watch, const char *state, const char *path,
		  struct error *err);

#endif
