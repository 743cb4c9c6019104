/* The section proa.ntp as chronyd reads it. */
#ifndef PROA_INIT_SERVICES_NTP_H
#define PROA_INIT_SERVICES_NTP_H

#include <stdbool.h>

#include "lib/config/layers.h"

#define NTP_CONF "/run/proa/ntp/chrony.conf"

/*
 * Writes chronyd's configuration to `path`. What is wrong is added to the problems.
 *
 * changed  whether the file is not what it was: chronyd must read it again
 *
 * Returns 0 or -ENOMEM.
 */
int ntp_apply(struct config *config, const char *path, bool *changed);

#endif
