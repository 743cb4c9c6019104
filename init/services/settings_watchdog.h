/* proa.watchdog: told to PID 1, which feeds it and reads no configuration. */
#ifndef PROA_INIT_SERVICES_SETTINGS_WATCHDOG_H
#define PROA_INIT_SERVICES_SETTINGS_WATCHDOG_H

#include "lib/config/layers.h"

/*
 * What cannot be done is added to the configuration's problems. Nothing is kept: the next
 * boot begins with PID 1's own time. Returns 0 or -ENOMEM.
 */
int settings_watchdog(struct config *config, const char *init_socket);

#endif
