#include "init/services/command_manager.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "init/services/command_config.h"
#include "init/services/paths.h"
#include "lib/command.h"
#include "lib/request.h"

enum { ANSWER_TIMEOUT_S = 120 }; /* modules are loaded, disks mounted … */

int command_ask_manager(const char *command, const char *line, char *answer, size_t size)
{
	const struct request request = {PATH_SERVICES_SOCKET, "the service manager",
					ANSWER_TIMEOUT_S};
	struct error err = ERROR_INIT;
	int r = request_send(&request, line, answer, size, &err);

	if (r == 0)
		return EXIT_DONE;
	if (r == -ENOENT)
		fprintf(stderr, "%s: this machine does not run Proa (there is no %s)\n", command,
			PATH_SERVICES_SOCKET);
	else if (r == -EACCES || (r == -EPROTO && geteuid() != 0))
		fprintf(stderr, "%s: only root may do this: sudo %s\n", command, command);
	else
		fprintf(stderr, "%s: %s\n", command, err.message);
	return r == -EPROTO || r == -EACCES ? EXIT_REFUSED : EXIT_FAILED;
}

int command_config_apply(int argc, char **argv)
{
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	const struct option_usage usage = {
		.command = "proa config apply",
		.summary = "Has the running machine do what the configuration says now.",
		.notes = "Services that it changes are restarted, containers go on.\n"
			 "bootcmd and runcmd run at the next boot.",
	};
	char restarted[REQUEST_LINE_MAX] = "";
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	r = command_ask_manager(usage.command, "apply", restarted, sizeof(restarted));
	if (r == EXIT_DONE)
		printf("The configuration is applied%s%s. What is wrong with it, \"proa status\" "
		       "says.\n",
		       restarted[0] ? "; restarted: " : "", restarted);
	return r;
}
