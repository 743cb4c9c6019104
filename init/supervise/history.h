/*
 * /var/lib/proa/history: what the boot log ring says about former boots, moved
 * to the state partition. A line of `key=value` words a boot, and behind one
 * that failed its last lines, each after a tab.
 */
#ifndef PROA_INIT_SUPERVISE_HISTORY_H
#define PROA_INIT_SUPERVISE_HISTORY_H

#include "init/facts.h"

#define HISTORY_PATH "/var/lib/proa/history"

/* Appends the boots before this one that are not in the file yet. Once a boot. */
void history_harvest(const struct facts *facts);

/* How many boots just before this one were last resorts that failed, in a row. */
unsigned int history_failed_lastresorts(const struct facts *facts);

#endif
