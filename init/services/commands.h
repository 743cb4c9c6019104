/* bootcmd and runcmd of the configuration: commands that run once a boot. */
#ifndef PROA_INIT_SERVICES_COMMANDS_H
#define PROA_INIT_SERVICES_COMMANDS_H

#include "lib/config/layers.h"

/*
 * Runs the commands of the list `name` one after the other, as root, on the host. One that
 * fails is added to the problems, and the others run all the same.
 *
 * log         a file that gets what they say, anew each time
 * timeout_ms  for all of them together (0: none); one that runs then is killed, and the rest
 *             is not run
 *
 * Returns 0 or -ENOMEM.
 */
int commands_run(struct config *config, const char *name, const char *log, unsigned timeout_ms);

#endif
