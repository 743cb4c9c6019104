/*
 * The hardware watchdog, where the machine has one: stage 1 arms it, PID 1
 * feeds it while its loop turns (kernel: Documentation/watchdog/watchdog-api.rst).
 */
#ifndef PROA_INIT_WATCHDOG_H
#define PROA_INIT_WATCHDOG_H

/* Stage 1, when drivers are loaded. The device stays open for the next stage. */
void watchdog_arm(void);

/* Stage 2: takes the device over, or arms one that has come since. */
void watchdog_take_over(void);

void watchdog_feed(void);

/* For a machine that is halted, and must stay so. */
void watchdog_disarm(void);

#endif
