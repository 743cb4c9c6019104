/* mounts of the configuration: further file systems. */
#ifndef PROA_INIT_SERVICES_MOUNTS_H
#define PROA_INIT_SERVICES_MOUNTS_H

#include <stdbool.h>

#include "lib/config/layers.h"

/*
 * Mounts those that are not mounted yet. A folder that is not there is made.
 *
 * said  gets what is wrong with the first that could not be mounted; "" where all could
 * wait  whether one's device is not there (yet): it is worth to try again
 */
void mounts_apply(const struct config *config, char *said, size_t size, bool *wait);

#endif
