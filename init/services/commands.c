#include "init/services/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/services/run.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/console.h"

/* A line for the shell, or the program and its arguments as they are. Borrowed from the node. */
static char **make_argv(const struct config_node *command)
{
	char **argv = calloc(command->count + 4, sizeof(*argv));

	if (!argv)
		return NULL;
	if (command->kind == CONFIG_TEXT) {
		argv[0] = (char *)"/bin/sh";
		argv[1] = (char *)"-c";
		argv[2] = command->text;
		return argv;
	}
	/* By way of env, which looks for it along PATH. */
	argv[0] = (char *)"/usr/bin/env";
	argv[1] = (char *)"--";
	for (size_t i = 0; i < command->count; i++)
		argv[i + 2] = command->children[i].text;
	return argv;
}

static void print_command(int log, char *const *argv)
{
	dprintf(log, "$");
	for (size_t i = 2; argv[i]; i++)
		dprintf(log, " %s", argv[i]);
	dprintf(log, "\n");
}

static int complain(struct config *config, const char *name, const char *log,
		    const struct config_node *command, int result)
{
	char what[96];

	if (result == -ETIMEDOUT)
		snprintf(what, sizeof(what), "took too long and was killed");
	else if (result < 0)
		snprintf(what, sizeof(what), "cannot be run: %s", strerror(-result));
	else
		snprintf(what, sizeof(what), "ended with exit code %d", result);
	return config_problem(&config->problems, CONFIG_ERROR, &command->at, name, "%s (%s)", what,
			      log);
}

int commands_run(struct config *config, const char *name, const char *log, unsigned timeout_ms)
{
	const struct config_node *list = config_get(config, name);
	uint64_t end = console_now_ms() + timeout_ms;
	_cleanup_fd_ int fd = -1;
	int r = 0;

	if (!list || list->count == 0)
		return 0;
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < list->count && r == 0; i++) {
		const struct config_node *command = &list->children[i];
		_cleanup_free_ char **argv = make_argv(command);
		uint64_t now = console_now_ms();
		int result;

		if (!argv)
			return -ENOMEM;
		print_command(fd, argv);
		if (timeout_ms > 0 && now >= end)
			result = -ETIMEDOUT;
		else
			result = run_logged(argv, fd, timeout_ms ? (unsigned)(end - now) : 0);
		if (result != 0)
			r = complain(config, name, log, command, result);
	}
	return r;
}
