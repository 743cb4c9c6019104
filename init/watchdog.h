/*
 * The hardware watchdog, where the machine has one: stage 1 arms it, PID 1
 * feeds it while its loop turns (kernel: Documentation/watchdog/watchdog-api.rst).
 */
#ifndef PROA_INIT_WATCHDOG_H
#define PROA_INIT_WATCHDOG_H

#include <stdbool.h>

/*
 * The kernel's own detector of hung tasks (120 s) as a watchdog that every
 * machine has: while PID 1 may still wait for a page of its program on a disk
 * that does not answer, a hang is a panic, and with panic= a counted reboot.
 */
void watchdog_hangs_panic(bool on);

/* Stage 1, when drivers are loaded. The device stays open for the next stage. */
void watchdog_arm(void);

/* Stage 2: takes the device over, or arms one that has come since. */
void watchdog_take_over(void);

void watchdog_feed(void);

/* For a machine that is halted, and must stay so. */
void watchdog_disarm(void);

#endif
