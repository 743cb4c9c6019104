/*
 * The watchdog: stage 1 arms the hardware's, where the machine has one; PID 1
 * feeds it while its loop turns (kernel: Documentation/watchdog/watchdog-api.rst).
 * docs/watchdog.md says what it catches.
 */
#ifndef PROA_INIT_WATCHDOG_H
#define PROA_INIT_WATCHDOG_H

#include <stdbool.h>

#include "init/boot/modules.h"
#include "init/facts.h"

/*
 * The kernel's own detector of hung tasks (120 s) as a watchdog that every
 * machine has: while PID 1 may still wait for a page of its program on a disk
 * that does not answer, a hang is a panic, and with panic= a counted reboot.
 */
void watchdog_hangs_panic(bool on);

/*
 * Stage 1, when the disk's drivers are loaded: loads what is still missing of
 * the watchdog's. The device stays open for the next stage.
 */
void watchdog_arm(struct modules *modules);

/* Stage 2: takes the device over, or arms one that has come since. */
void watchdog_take_over(void);

/* Also opens a device that has come since. */
void watchdog_feed(void);

/*
 * What the configuration asks for: "off", or a number of seconds; a driver that
 * cannot do it keeps its own. Returns 0, or -EINVAL: it is neither.
 */
int watchdog_configure(const char *words);

/* Is one wanted that is not there? */
bool watchdog_is_missing(void);

/* For the end, which takes its time without a turn of the loop. */
void watchdog_be_patient(void);

/*
 * Fills facts->watchdog ("i6300esb", "softdog", "none", "off") and
 * facts->watchdog_timeout, from what the kernel says. Returns whether they changed.
 */
bool watchdog_describe(struct facts *facts);

/* The driver's name out of what it calls itself; other names are as they are. */
void watchdog_driver(const char *identity, char *out, size_t size);

/* For a machine that is halted, and must stay so. */
void watchdog_disarm(void);

#endif
