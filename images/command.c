#include "images/command.h"

#include <errno.h>
#include <stdio.h>

int image_usage(const char *command, const char *message)
{
	fprintf(stderr, "proa-image: %s\nTry: %s --help\n", message, command);
	return EXIT_USAGE;
}

int image_arguments(int argc, char **argv, const struct option_usage *usage,
		    const struct option *options, const char **operands, size_t operands_max,
		    size_t *operands_count)
{
	struct error err = ERROR_INIT;
	int r = options_parse(argc, argv, options, operands, operands_max, operands_count, &err);

	if (r == OPTIONS_HELP) {
		options_help(stdout, usage, options);
		return EXIT_DONE;
	}
	return r < 0 ? image_usage(usage->command, err.message) : -1;
}

int image_failed(const struct error *err)
{
	fprintf(stderr, "proa-image: %s\n", err->message);
	return err->code == -ENOKEY || err->code == -EKEYREJECTED ? EXIT_REFUSED : EXIT_FAILED;
}
