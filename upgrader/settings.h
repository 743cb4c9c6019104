/* What this machine's configuration says of upgrades. */
#ifndef PROA_UPGRADER_SETTINGS_H
#define PROA_UPGRADER_SETTINGS_H

#include "lib/config/layers.h"
#include "lib/options.h"
#include "upgrader/fetch.h"

struct settings {
	struct config config;
	struct option_list channels; /* proa.upgrade.url and its mirrors, borrowed from `config` */
};

/*
 * Reads the configuration, and puts what it says of the network into `fetch`, unless that has been
 * said there already; and its proxies, unless the environment names one. What is in error in it is
 * proa status's to say. Returns 0, -EACCES (only root may read it) or -ENOMEM.
 */
int settings_load(struct settings *settings, struct fetch_options *fetch, struct error *err);
void settings_free(struct settings *settings);
#define _cleanup_settings_ __attribute__((cleanup(settings_free)))

#endif
