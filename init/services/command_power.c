#include "init/services/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "lib/command.h"
#include "lib/request.h"

static int ask(int argc, char **argv, const char *request, const struct option_usage *usage,
	       const char *done)
{
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	r = request_pid1(PATH_INIT_SOCKET, request, NULL, 0, &err);
	if (r == 0) {
		printf("%s\n", done);
		return EXIT_DONE;
	}
	if (r == -ENOENT)
		fprintf(stderr, "%s: this machine does not run Proa (there is no %s)\n",
			usage->command, PATH_INIT_SOCKET);
	else if (r == -EPROTO && geteuid() != 0)
		fprintf(stderr, "%s: only root may do this: sudo %s\n", usage->command,
			usage->command);
	else
		fprintf(stderr, "%s: %s\n", usage->command, err.message);
	return r == -EPROTO ? EXIT_REFUSED : EXIT_FAILED;
}

int command_reboot(int argc, char **argv)
{
	const struct option_usage usage = {
		.command = "proa reboot",
		.summary = "Stops all containers in order and reboots the machine.",
	};

	return ask(argc, argv, "reboot", &usage, "The machine stops its containers and reboots.");
}

int command_poweroff(int argc, char **argv)
{
	const struct option_usage usage = {
		.command = "proa poweroff",
		.summary = "Stops all containers in order and switches the machine off.",
	};

	return ask(argc, argv, "poweroff", &usage,
		   "The machine stops its containers and switches itself off.");
}
