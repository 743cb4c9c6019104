#include "init/services/command.h"

#include <stdlib.h>

#include "init/services/history.h"
#include "init/services/paths.h"
#include "lib/command.h"
#include "lib/docker/docker.h"

static bool parse_count(const char *text, size_t *out)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number > 1000000)
		return false;
	*out = number;
	return true;
}

int command_history(int argc, char **argv)
{
	const struct history_paths paths = {
		.history = PATH_HISTORY,
		.upgrades = PATH_UPGRADES,
		.boot = PATH_BOOT,
		.init_socket = PATH_INIT_SOCKET,
	};
	const char *boots = "10", *lines = "5";
	size_t boots_shown, lines_shown;
	bool as_json = false;
	const struct option options[] = {
		{'n', "boots", "N", OPTION_STRING, &boots, "show the newest N boots (10); 0: all"},
		{0, "lines", "N", OPTION_STRING, &lines,
		 "show the last N lines of a boot that failed or was reset (5)"},
		{0, "json", NULL, OPTION_FLAG, &as_json, "print one JSON object"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa history",
		.operands = "[-n N] [--lines N] [--json]",
		.summary = "Tells how this boot and those before it went, and the upgrades in "
			   "between, "
			   "newest first.",
	};
	_cleanup_json_ json_t *history = NULL;
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (!parse_count(boots, &boots_shown))
		return command_usage(usage.command, "--boots takes a number from 0 to 1000000");
	if (!parse_count(lines, &lines_shown))
		return command_usage(usage.command, "--lines takes a number from 0 to 1000000");
	if (history_gather(&paths, boots_shown, &history, &err) < 0) {
		fprintf(stderr, "proa history: %s\n", err.message);
		return EXIT_FAILED;
	}
	if (as_json) {
		json_dumpf(history, stdout, JSON_INDENT(2));
		fputc('\n', stdout);
	} else {
		history_print(stdout, history, lines_shown);
	}
	return EXIT_DONE;
}
