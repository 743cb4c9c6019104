/*
 * This boot's record in the boot log ring (bootloader/bootlog.h). Recording
 * never keeps a boot from going on: what fails here is said once, and left.
 */
#ifndef PROA_INIT_RECORD_H
#define PROA_INIT_RECORD_H

#include <stdbool.h>

#include "bootloader/bootlog.h"
#include "init/facts.h"

/* Opens the ring of facts->flip; finds this boot's number where facts->boot is 0, and sets it. */
void record_open(struct facts *facts);

/* Writes the stage that was reached. Nothing happens before record_open. */
void record_stage(enum bootlog_stage stage);

/* Still here: the time of now, and the kernel's last lines. */
void record_heartbeat(void);

/* Carries on, but of what a person should know. */
void record_degraded(const char *reason);

/*
 * The end, with its reason (may be ""). Later heartbeats leave both as they are. Returns
 * whether it is on the disk.
 */
bool record_end(enum bootlog_end end, const char *reason);

#endif
