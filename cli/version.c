#include <stdio.h>

#include "cli/command.h"

int command_version(int argc, char **argv)
{
	bool json = false;
	const struct option options[] = {
		{0, "json", NULL, OPTION_FLAG, &json, "print a JSON object"},
		{0},
	};
	const struct option_usage usage = {
		.command = "proa version",
		.operands = "[--json]",
		.summary = "Prints the version of this program.",
	};
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	/* The version holds digits, dots and letters only: nothing to escape. */
	printf(json ? "{\"version\":\"%s\"}\n" : "proa %s\n", PROA_VERSION);
	return EXIT_DONE;
}
