/* Runs one of the system's file-system tools. */
#ifndef PROA_INSTALLER_CHILD_H
#define PROA_INSTALLER_CHILD_H

#include "lib/error.h"

enum { CHILD_SAID_SIZE = 512 };

/*
 * Starts argv[0], found in PATH or in /usr/sbin and /sbin (which a plain user's
 * PATH lacks), with standard input and output from and to nowhere, and waits.
 *
 * said  the end of what it said on standard error, in one line; NULL: not asked for
 *
 * Returns 0; -ENOENT where there is no such program; -EIO where it failed, with
 * what it said last on standard error.
 */
int child_run(char *const argv[], char said[CHILD_SAID_SIZE], struct error *err);

/* Is the program there? Returns 0 or -ENOENT with the package to install. */
int child_look_for(const char *program, const char *package, struct error *err);

#endif
