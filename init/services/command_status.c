#include "init/services/command.h"

#include <errno.h>

#include "init/services/paths.h"
#include "init/services/status.h"
#include "lib/docker/docker.h"
#include "lib/command.h"
#include "lib/format/roots.h"

enum { EXIT_DEGRADED = 10 };

int command_status(int argc, char **argv)
{
	const struct status_paths paths = {
		.boot = PATH_BOOT,
		.services = PATH_STATUS,
		.upgrades = PATH_UPGRADES,
		.init_socket = PATH_INIT_SOCKET,
		.keys = ROOTS_IMAGE,
		.keys_seen = ROOTS_SEEN,
	};
	bool as_json = false;
	const struct option options[] = {
		{0, "json", NULL, OPTION_FLAG, &as_json, "print one JSON object"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa status",
		.operands = "[--json]",
		.summary = "Tells what runs, from which slot, and how it fares.",
		.notes = "Exit status: 0 all is well, or still starting; 10 degraded; 1 failed.",
	};
	_cleanup_json_ json_t *status = NULL;
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (status_gather(&paths, &status, &err) < 0) {
		fprintf(stderr, "proa status: %s\n", err.message);
		return EXIT_FAILED;
	}
	if (as_json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		fputc('\n', stdout);
	} else {
		status_print(stdout, status);
	}
	return status_is_degraded(status) ? EXIT_DEGRADED : EXIT_DONE;
}
