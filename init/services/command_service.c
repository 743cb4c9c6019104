#include "init/services/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/services/command_manager.h"
#include "init/services/paths.h"
#include "init/services/status.h"
#include "lib/cleanup.h"
#include "lib/command.h"
#include "lib/docker/docker.h"
#include "lib/format/roots.h"
#include "lib/nearest.h"

enum { SERVICE_NAME_MAX = 32 };

static const struct status_paths paths = {
	.boot = PATH_BOOT,
	.services = PATH_STATUS,
	.upgrades = PATH_UPGRADES,
	.init_socket = PATH_INIT_SOCKET,
	.keys = ROOTS_IMAGE,
	.keys_seen = ROOTS_SEEN,
};

static json_t *gather(const char *command)
{
	struct error err = ERROR_INIT;
	json_t *status = NULL, *services;

	if (status_gather(&paths, &status, &err) < 0) {
		fprintf(stderr, "%s: %s\n", command, err.message);
		return NULL;
	}
	services = json_incref(json_object_get(status, "services"));
	json_decref(status);
	if (!services)
		fprintf(stderr, "%s: the service manager has not said yet what runs\n", command);
	return services;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int list(int argc, char **argv)
{
	bool as_json = false;
	const struct option options[] = {
		{0, "json", NULL, OPTION_FLAG, &as_json, "print one JSON object"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa service list",
		.operands = "[--json]",
		.summary = "Lists the system's services.",
	};
	_cleanup_json_ json_t *services = NULL;
	const json_t *service;
	const char *name;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	services = gather(usage.command);
	if (!services)
		return EXIT_FAILED;
	if (as_json) {
		json_dumpf(services, stdout, JSON_INDENT(2));
		fputc('\n', stdout);
		return EXIT_DONE;
	}
	printf("%-16s %-10s %-9s %s\n", "SERVICE", "STATE", "RESTARTS", "");
	json_object_foreach(services, name, service)
	{
		bool running = strcmp(text_of(service, "state"), "running") == 0;

		printf("%-16s %-10s %-9lld %s\n", name, text_of(service, "state"),
		       (long long)json_integer_value(json_object_get(service, "restarts")),
		       running ? "" : text_of(service, "reason"));
	}
	return EXIT_DONE;
}

/* Whether there is such a service; what is near to it is said where there is none. */
static bool is_service(const char *command, const char *wanted)
{
	_cleanup_json_ json_t *services = gather(command);
	struct nearest nearest = {.wanted = wanted};
	const json_t *service;
	const char *name;

	if (!services)
		return false;
	json_object_foreach(services, name, service)
	{
		if (strcmp(name, wanted) == 0)
			return true;
		nearest_offer(&nearest, name);
	}
	fprintf(stderr, "%s: there is no service \"%s\"%s%s%s\n", command, wanted,
		nearest.name ? "; did you mean " : " (proa service list)",
		nearest.name ? nearest.name : "", nearest.name ? "?" : "");
	return false;
}

static int act(int argc, char **argv, const char *verb, const struct option_usage *usage, bool *yes,
	       const char *done)
{
	const struct option options[] = {
		{0, "yes", NULL, OPTION_FLAG, yes, "do it, whatever the service is"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option none[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	char line[SERVICE_NAME_MAX + 16];
	const char *name = NULL;
	size_t count;
	int r = command_arguments(argc, argv, usage, yes ? options : none, &name, 1, &count);

	if (r >= 0)
		return r;
	if (count == 0)
		return command_usage(usage->command, "name a service (proa service list)");
	if (!is_service(usage->command, name))
		return EXIT_FAILED;
	if (yes && !*yes && strcmp(name, "docker") == 0) {
		fprintf(stderr,
			"%s: docker is user Docker: its containers go on, and nobody can manage "
			"them "
			"until \"proa service up docker\"; give --yes\n",
			usage->command);
		return EXIT_REFUSED;
	}
	if (yes && !*yes && (strcmp(name, "console") == 0 || strcmp(name, "network") == 0)) {
		fprintf(stderr,
			"%s: without the service %s this machine may be out of reach until it is "
			"restarted; give --yes\n",
			usage->command, name);
		return EXIT_REFUSED;
	}
	snprintf(line, sizeof(line), "%s %.*s", verb, SERVICE_NAME_MAX, name);
	r = command_ask_manager(usage->command, line, NULL, 0);
	if (r == EXIT_DONE)
		printf(done, name);
	return r;
}

static int up(int argc, char **argv)
{
	const struct option_usage usage = {
		.command = "proa service up",
		.operands = "NAME",
		.summary = "Starts a service that was stopped, or that waits after failures.",
	};

	return act(argc, argv, "up", &usage, NULL, "%s is started.\n");
}

static int stop(int argc, char **argv)
{
	bool yes = false;
	const struct option_usage usage = {
		.command = "proa service stop",
		.operands = "NAME",
		.summary = "Stops a service until \"proa service up\" or the next boot.",
	};

	return act(argc, argv, "stop", &usage, &yes, "%s is stopped.\n");
}

static int restart(int argc, char **argv)
{
	const struct option_usage usage = {
		.command = "proa service restart",
		.operands = "NAME",
		.summary = "Makes a service's container anew and starts it.",
	};

	return act(argc, argv, "restart", &usage, NULL, "%s is restarted.\n");
}

/* Docker's own command prints them: it knows its log files, and how to follow them. */
static int logs(int argc, char **argv)
{
	bool follow = false;
	const char *lines = "all", *name = NULL;
	const struct option options[] = {
		{'f', "follow", NULL, OPTION_FLAG, &follow, "go on with what comes"},
		{'n', "lines", "N", OPTION_STRING, &lines, "the last N lines alone"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa service logs",
		.operands = "NAME [OPTIONS]",
		.summary = "Prints what a service has said.",
	};
	char *words[8] = {(char *)"/usr/bin/system-docker", (char *)"logs", (char *)"--tail"};
	size_t count, next = 3;
	int r = command_arguments(argc, argv, &usage, options, &name, 1, &count);

	if (r >= 0)
		return r;
	if (count == 0)
		return command_usage(usage.command, "name a service (proa service list)");
	if (strcmp(lines, "all") != 0 && strspn(lines, "0123456789") != strlen(lines))
		return command_usage(usage.command, "--lines takes a number");
	if (!is_service(usage.command, name))
		return EXIT_FAILED;
	words[next++] = (char *)lines;
	if (follow)
		words[next++] = (char *)"--follow";
	words[next++] = (char *)name;
	execv(words[0], words);
	fprintf(stderr, "%s: cannot run %s: %s\n", usage.command, words[0], strerror(errno));
	return EXIT_FAILED;
}

int command_service(int argc, char **argv)
{
	static const struct command commands[] = {
		{"list", "list the services and how they fare", list},
		{"ps", "the same", list},
		{"up", "start a service that was stopped", up},
		{"stop", "stop a service until the next boot", stop},
		{"restart", "make a service anew and start it", restart},
		{"logs", "print what a service has said", logs},
		{NULL, NULL, NULL},
	};
	const struct command_group service = {
		.name = "proa service",
		.summary = "The system's services: containers of System Docker.",
		.commands = commands,
	};

	return command_group_run(&service, argc, argv);
}
