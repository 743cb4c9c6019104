/*
 * The orderly end: services in order, both daemons, everything else, the flip
 * block, the file systems. Every wait is bounded.
 */
#ifndef PROA_INIT_SUPERVISE_STOP_H
#define PROA_INIT_SUPERVISE_STOP_H

#include <stdbool.h>

#include "init/supervise/gate.h"

enum stop_kind { STOP_NONE, STOP_REBOOT, STOP_POWEROFF, STOP_HALT };

/*
 * Asks for the end; PID 1 carries it out when it is back in its main loop. The
 * first request counts. `person`: somebody asked, so that a boot that was
 * given no time for its gate gets its attempt back.
 */
void stop_request(enum stop_kind kind, bool person);

/* What was asked for. */
enum stop_kind stop_requested(void);

/* Carries it out. */
_Noreturn void stop_run(struct gate *gate);

#endif
