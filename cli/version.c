#include <stdio.h>

#include "cli/command.h"
#include "lib/options.h"

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
	struct error err = ERROR_INIT;
	int r = options_parse(argc, argv, options, NULL, 0, NULL, &err);

	if (r == OPTIONS_HELP) {
		options_help(stdout, &usage, options);
		return EXIT_DONE;
	}
	if (r < 0) {
		fprintf(stderr, "proa version: %s\n", err.message);
		return EXIT_USAGE;
	}
	/* The version holds digits, dots and letters only: nothing to escape. */
	printf(json ? "{\"version\":\"%s\"}\n" : "proa %s\n", PROA_VERSION);
	return EXIT_DONE;
}
