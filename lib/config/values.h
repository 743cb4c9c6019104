/* Values of a loaded configuration, by the names of their keys. */
#ifndef PROA_LIB_CONFIG_VALUES_H
#define PROA_LIB_CONFIG_VALUES_H

#include <stdint.h>

#include "lib/config/layers.h"

/*
 * `name` is a key of the schema ("proa.ssh.port"). Where nobody says anything, and where the
 * configuration is empty because it could not be loaded, the schema's default counts.
 */

/* The node as it stands in the configuration, or NULL. */
const struct config_node *config_get(const struct config *config, const char *name);

/* Its text; NULL: it has none. */
const char *config_get_text(const struct config *config, const char *name);

/* false and 0 where there is no value at all. Durations are in seconds, sizes in bytes. */
bool config_get_bool(const struct config *config, const char *name);
long long config_get_integer(const struct config *config, const char *name);
long long config_get_duration(const struct config *config, const char *name);
uint64_t config_get_bytes(const struct config *config, const char *name);

#endif
