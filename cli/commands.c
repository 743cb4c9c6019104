#include "cli/command.h"
#include "installer/command.h"

const struct command commands[] = {
	{"install", "install Proa on a disk", install_command},
	{"version", "print Proa's version", command_version},
	{NULL, NULL, NULL},
};
