/* `proa`: finds the sub-command and starts it. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "lib/options.h"
#include "lib/program.h"

static void help(FILE *out)
{
	fputs("Usage: proa COMMAND [OPTIONS]\n"
	      "Installs and looks after Proa, a small operating system for servers that run "
	      "Docker.\n"
	      "\nCommands:\n",
	      out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-12s %s\n", c->name, c->summary);
	fputs("\n\"proa COMMAND --help\" tells a command's options.\n", out);
}

static int unknown(const char *name)
{
	const struct command *nearest = command_nearest(commands, name);

	fprintf(stderr, "proa: there is no command \"%s\"", name);
	if (nearest)
		fprintf(stderr, "; did you mean \"proa %s\"?\n", nearest->name);
	else
		fputs("; \"proa --help\" lists them\n", stderr);
	return EXIT_USAGE;
}

/* "proa help [COMMAND]" is "proa [COMMAND] --help". */
static int help_command(const char *name)
{
	const struct command *command = command_find(commands, name);
	char word[] = "--help";
	char *argv[] = {(char *)name, word, NULL};

	return command ? command->run(2, argv) : unknown(name);
}

static int run(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		if (name[0] != '-' && argc > 2)
			return help_command(argv[2]);
		help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	if (name[0] == '-') {
		fprintf(stderr, "proa: unknown option %s; options stand behind the command\n",
			name);
		return EXIT_USAGE;
	}
	command = command_find(commands, name);
	return command ? command->run(argc - 1, argv + 1) : unknown(name);
}

int main(int argc, char **argv)
{
	program_begin();
	return program_end("proa", run(argc, argv));
}
