/* proa-image: the release engineer's tool (docs/man/proa-image.1). */
#include <stdio.h>
#include <string.h>

#include "images/command.h"
#include "lib/program.h"

static const struct image_command COMMANDS[] = {
	{"keygen", "make a key pair", image_keygen},
	{"root", "make or sign a root document, the list of valid keys", image_root},
	{"build", "make slot image, bundle and SBOM from a root tree", image_build},
	{"sign", "add a signature to a bundle or a document", image_sign},
	{"digest", "write the bytes that are to be signed elsewhere", image_digest},
	{"attach", "add a signature that was made elsewhere", image_attach},
	{"verify", "check signature and every byte of a bundle or a slot", image_verify},
	{"inspect", "show what a bundle or a slot holds", image_inspect},
};
enum { COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

static void help(FILE *out)
{
	fputs("Usage: proa-image COMMAND [OPTIONS]\n"
	      "Builds, signs and inspects Proa's slot images and bundles.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
	fputs("\nproa-image COMMAND --help tells more. Version " PROA_VERSION ".\n", out);
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(name, "--version") == 0) {
		puts("proa-image " PROA_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(COMMANDS[i].name, name) == 0)
			return COMMANDS[i].run(argc - 1, argv + 1);
	fprintf(stderr, "proa-image: unknown command \"%s\"\nTry: proa-image --help\n", name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	program_begin();
	return program_end("proa-image", run(argc, argv));
}
