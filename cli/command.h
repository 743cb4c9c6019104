/*
 * The sub-commands of `proa`: rows of one table (cli/commands.c). Each command
 * lives with its owner (installer/command.c …); cli/ only finds and starts it.
 */
#ifndef PROA_CLI_COMMAND_H
#define PROA_CLI_COMMAND_H

#include <stddef.h>

struct command {
	const char *name;
	const char *summary; /* one line for `proa --help`; no full stop */
	/* argv[0] is the command's own name. Returns an exit code (lib/options.h). */
	int (*run)(int argc, char **argv);
};

/* In the order of `proa --help`; the end is a row whose name is NULL. */
extern const struct command commands[];

/* The row called `name`, or NULL. */
const struct command *command_find(const struct command *table, const char *name);

/* The row whose name is nearest to a mistyped one, or NULL where none is near. */
const struct command *command_nearest(const struct command *table, const char *name);

/* `proa version`, which is cli's own. */
int command_version(int argc, char **argv);

#endif
