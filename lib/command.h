/*
 * Programs with sub-commands (`proa`, `proa-image`, `proa config`): rows of a table.
 */
#ifndef PROA_LIB_COMMAND_H
#define PROA_LIB_COMMAND_H

#include <stddef.h>

#include "lib/options.h"

struct command {
	const char *name;
	const char *summary; /* one line for the group's help; no full stop */
	/* argv[0] is the command's own name. Returns an exit code (lib/options.h). */
	int (*run)(int argc, char **argv);
};

struct command_group {
	const char *name;               /* "proa config" */
	const char *summary;            /* a sentence */
	const struct command *commands; /* in the order of the help; ended by a NULL name */
	const char *version;            /* what --version prints; NULL: there is none */
};

/*
 * Starts the command that argv[1] names, or tells the group's help. A name that is none
 * gets the nearest that is one. Returns an exit code.
 */
int command_group_run(const struct command_group *group, int argc, char **argv);

/* The row called `name`, or NULL. */
const struct command *command_find(const struct command *table, const char *name);

/* The row whose name is nearest to a mistyped one, or NULL where none is near. */
const struct command *command_nearest(const struct command *table, const char *name);

/*
 * What a command does with its arguments (options_parse). Returns -1 to go on, or the exit
 * code to end with: help was asked for, or the usage was wrong, and it has been said.
 */
int command_arguments(int argc, char **argv, const struct option_usage *usage,
		      const struct option *options, const char **operands, size_t operands_max,
		      size_t *operands_count);

/* A usage error in the same words everywhere; returns EXIT_USAGE. */
int command_usage(const char *command, const char *message);

#endif
