/*
 * What the configuration adds to System Docker's start (proa.system_docker): PID 1 reads no
 * YAML, so the service manager writes it down for the next boot, a line each: an argument
 * ("--label=rack=7") or a variable of the environment ("HTTP_PROXY=…").
 */
#ifndef PROA_INIT_SUPERVISE_DOCKER_ARGS_H
#define PROA_INIT_SUPERVISE_DOCKER_ARGS_H

#include <stddef.h>

#define DOCKER_ARGS_PATH "/var/lib/proa/system-docker.args"

/* What the service manager writes fits (init/services/docker_options.h). */
enum { DOCKER_ARGS_MAX = 64, DOCKER_ARGS_SIZE = 16 << 10 };

struct docker_args {
	char text[DOCKER_ARGS_SIZE]; /* what the two lists point into */
	const char *arguments[DOCKER_ARGS_MAX + 1], *environment[DOCKER_ARGS_MAX + 1];
	size_t arguments_count, environment_count;
};

/* Fills the lists of `text`, which is cut into lines. */
void docker_args_parse(struct docker_args *out);

/* Reads the file; what is neither kind of line, or too much, is left out. */
void docker_args_read(const char *path, struct docker_args *out);

#endif
