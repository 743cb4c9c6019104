/* proa.services of the configuration: services of a person's own. */
#ifndef PROA_INIT_SERVICES_ADDED_H
#define PROA_INIT_SERVICES_ADDED_H

#include "init/services/spec.h"
#include "lib/config/layers.h"

/*
 * Adds them to the image's services, each by itself: one that is in error is added to the
 * problems and left out. Returns 0 or -ENOMEM.
 */
int added_services(struct config *config, struct services_file *file);

#endif
