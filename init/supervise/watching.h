/* Which watchdog PID 1 feeds, and where one comes from on machines without the hardware. */
#ifndef PROA_INIT_SUPERVISE_WATCHING_H
#define PROA_INIT_SUPERVISE_WATCHING_H

#include "init/supervise/gate.h"

/*
 * Every few seconds: feeds it, unless the boot is overdue; says so where another one, or
 * another time, is in use; some time after the health gate's verdict, loads a driver where
 * none has come by itself.
 */
void watching_turn(struct gate *gate);

#endif
