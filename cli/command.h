/*
 * The sub-commands of `proa`: each lives with its owner (installer/command.c …); cli/ only
 * finds and starts it.
 */
#ifndef PROA_CLI_COMMAND_H
#define PROA_CLI_COMMAND_H

#include "lib/command.h"

/* In the order of `proa --help`; the end is a row whose name is NULL. */
extern const struct command commands[];

/* `proa version`, which is cli's own. */
int command_version(int argc, char **argv);

#endif
