/*
 * What PID 1 keeps running: containerd (one for both Dockers), System Docker
 * and the service manager (DESIGN §7).
 */
#ifndef PROA_INIT_SUPERVISE_DAEMONS_H
#define PROA_INIT_SUPERVISE_DAEMONS_H

#include "init/supervise/gate.h"

/*
 * Starts them; System Docker once its data root is seeded for this release. `gate` hears
 * of what they have to do without.
 */
void daemons_start(struct gate *gate);

/* Stops them in order, the service manager (and with it the services) first. */
void daemons_stop(void);

#endif
