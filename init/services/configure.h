/* What the configuration says is done, before the services that it concerns start. */
#ifndef PROA_INIT_SERVICES_CONFIGURE_H
#define PROA_INIT_SERVICES_CONFIGURE_H

#include "init/services/supervisor.h"

/*
 * Loads this machine's configuration and does what it says. Nothing in it stops the machine:
 * what is in error is left out, and stands in supervisor->remarks.
 */
void configure(struct supervisor *supervisor);

#endif
