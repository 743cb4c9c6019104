/* proa-image's sub-commands: one file each, found in the table of images/main.c. */
#ifndef PROA_IMAGES_COMMAND_H
#define PROA_IMAGES_COMMAND_H

#include "lib/error.h"
#include "lib/options.h"

struct image_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; an exit code */
};

int image_keygen(int argc, char **argv);
int image_root(int argc, char **argv);
int image_build(int argc, char **argv);
int image_sign(int argc, char **argv);
int image_digest(int argc, char **argv);
int image_attach(int argc, char **argv);
int image_verify(int argc, char **argv);
int image_inspect(int argc, char **argv);

/*
 * What every command does with its arguments. Returns -1 to go on, or the exit
 * code to end with: help was asked for, or the usage was wrong.
 */
int image_arguments(int argc, char **argv, const struct option_usage *usage,
		    const struct option *options, const char **operands, size_t operands_max,
		    size_t *operands_count);

/* Prints "proa-image: MESSAGE" to stderr; returns EXIT_FAILED, or EXIT_REFUSED for signatures. */
int image_failed(const struct error *err);

/* A usage error in the same words everywhere; returns EXIT_USAGE. */
int image_usage(const char *command, const char *message);

#endif
