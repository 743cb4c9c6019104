#include "cli/command.h"

const struct command commands[] = {
	{"version", "print Proa's version", command_version},
	{NULL, NULL, NULL},
};
