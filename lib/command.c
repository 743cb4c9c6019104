#include "lib/command.h"

#include <string.h>

#include "lib/nearest.h"

const struct command *command_find(const struct command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const struct command *command_nearest(const struct command *table, const char *name)
{
	struct nearest nearest = {.wanted = name};

	for (const struct command *row = table; row->name; row++)
		nearest_offer(&nearest, row->name);
	return nearest.name ? command_find(table, nearest.name) : NULL;
}

static void help(FILE *out, const struct command_group *group)
{
	fprintf(out, "Usage: %s COMMAND [OPTIONS]\n%s\n\nCommands:\n", group->name, group->summary);
	for (const struct command *row = group->commands; row->name; row++)
		fprintf(out, "  %-12s %s\n", row->name, row->summary);
	fprintf(out, "\n\"%s COMMAND --help\" tells a command's options.\n", group->name);
}

static int unknown(const struct command_group *group, const char *name)
{
	const struct command *nearest = command_nearest(group->commands, name);

	fprintf(stderr, "%s: there is no command \"%s\"", group->name, name);
	if (nearest)
		fprintf(stderr, "; did you mean \"%s %s\"?\n", group->name, nearest->name);
	else
		fprintf(stderr, "; \"%s --help\" lists them\n", group->name);
	return EXIT_USAGE;
}

/* "proa help [COMMAND]" is "proa [COMMAND] --help". */
static int help_command(const struct command_group *group, const char *name)
{
	const struct command *command = command_find(group->commands, name);
	char word[] = "--help";
	char *argv[] = {(char *)name, word, NULL};

	return command ? command->run(2, argv) : unknown(group, name);
}

int command_group_run(const struct command_group *group, int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		help(stderr, group);
		return EXIT_USAGE;
	}
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		if (name[0] != '-' && argc > 2)
			return help_command(group, argv[2]);
		help(stdout, group);
		return EXIT_DONE;
	}
	if (group->version && strcmp(name, "--version") == 0) {
		printf("%s %s\n", group->name, group->version);
		return EXIT_DONE;
	}
	if (name[0] == '-') {
		fprintf(stderr, "%s: unknown option %s; options stand behind the command\n",
			group->name, name);
		return EXIT_USAGE;
	}
	command = command_find(group->commands, name);
	return command ? command->run(argc - 1, argv + 1) : unknown(group, name);
}

int command_arguments(int argc, char **argv, const struct option_usage *usage,
		      const struct option *options, const char **operands, size_t operands_max,
		      size_t *operands_count)
{
	struct error err = ERROR_INIT;
	int r = options_parse(argc, argv, options, operands, operands_max, operands_count, &err);

	if (r == OPTIONS_HELP) {
		options_help(stdout, usage, options);
		return EXIT_DONE;
	}
	return r < 0 ? command_usage(usage->command, err.message) : -1;
}

int command_usage(const char *command, const char *message)
{
	fprintf(stderr, "%s: %s\nTry: %s --help\n", command, message, command);
	return EXIT_USAGE;
}
