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

/*
 * System Docker runs, and answers nobody: starts it anew without what the configuration adds to
 * its options. Returns whether it does: there must be any, and it must have had half a minute.
 */
bool daemons_without_options(void);

/* Stops them in order, the service manager (and with it the services) first. */
void daemons_stop(void);

#endif
