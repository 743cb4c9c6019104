/*
 * What the configuration says is done: who may log in, network, clock, settings of the kernel,
 * commands, mounts, files, in this order and before any service starts; the rest when its
 * time has come.
 */
#ifndef PROA_INIT_SERVICES_CONFIGURE_H
#define PROA_INIT_SERVICES_CONFIGURE_H

#include "init/services/supervisor.h"

/*
 * Loads this machine's configuration and does what it says. Nothing in it stops the machine:
 * what is in error is left out, and stands in supervisor->remarks.
 */
void configure(struct supervisor *supervisor);

/*
 * The same while the machine runs: services that it changes are made anew, and containers of
 * people's go on. Commands are not run again.
 *
 * answer  "ok" and the services that are restarted, or "error …"
 */
void configure_again(struct supervisor *supervisor, char *answer, size_t size);

/* What has to wait: file systems whose device comes late, commands for which user Docker runs. */
void configure_step(struct supervisor *supervisor, uint64_t now);

/* Gathers in supervisor->remarks what a person should look at, in one line. */
void configure_remark(struct supervisor *supervisor);

/* Mounts what is not mounted yet, in a process of its own (mounts_start). Returns its exit code. */
int configure_mounts(void);

/* Runs the commands of `runcmd`, in a process of their own. Returns an exit code. */
int configure_runcmd(void);

#endif
