#include "lib/options.h"

#include <errno.h>
#include <string.h>

static const struct option *find_long(const struct option *options, const char *name, size_t length)
{
	for (; options->name; options++)
		if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static const struct option *find_short(const struct option *options, char letter)
{
	for (; options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

static int store(const struct option *option, const char *value, struct error *err)
{
	struct option_list *list;

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)option->value = true;
		return 0;
	case OPTION_STRING:
		*(const char **)option->value = value;
		return 0;
	case OPTION_LIST:
		list = option->value;
		if (list->count == OPTION_LIST_MAX)
			return error_set(err, -EINVAL, "--%s may stand %d times at the most",
					 option->name, OPTION_LIST_MAX);
		list->items[list->count++] = value;
		return 0;
	}
	return -EINVAL;
}

/* "--name", "--name=value" or "--name value"; *at moves past a value of its own. */
static int parse_long(char **argv, int argc, int *at, const struct option *options,
		      struct error *err)
{
	const char *name = argv[*at] + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find_long(options, name, length);

	if (!option) {
		if (strcmp(name, "help") == 0)
			return OPTIONS_HELP;
		return error_set(err, -EINVAL, "unknown option --%.*s", (int)length, name);
	}
	if (!option->argument) {
		if (equals)
			return error_set(err, -EINVAL, "--%s takes no value", option->name);
		return store(option, NULL, err);
	}
	if (equals)
		return store(option, equals + 1, err);
	if (*at + 1 >= argc)
		return error_set(err, -EINVAL, "--%s needs a value: --%s %s", option->name,
				 option->name, option->argument);
	return store(option, argv[++*at], err);
}

/* "-f", "-fg", "-n value" or "-nvalue". */
static int parse_short(char **argv, int argc, int *at, const struct option *options,
		       struct error *err)
{
	for (const char *letter = argv[*at] + 1; *letter; letter++) {
		const struct option *option = find_short(options, *letter);
		int r;

		if (!option) {
			if (*letter == 'h')
				return OPTIONS_HELP;
			return error_set(err, -EINVAL, "unknown option -%c", *letter);
		}
		if (!option->argument) {
			r = store(option, NULL, err);
			if (r < 0)
				return r;
			continue;
		}
		if (letter[1])
			return store(option, letter + 1, err);
		if (*at + 1 >= argc)
			return error_set(err, -EINVAL, "-%c needs a value: -%c %s", *letter,
					 *letter, option->argument);
		return store(option, argv[++*at], err);
	}
	return 0;
}

int options_parse(int argc, char **argv, const struct option *options, const char **operands,
		  size_t operands_max, size_t *operands_count, struct error *err)
{
	size_t count = 0;
	bool ended = false;

	for (int i = 1; i < argc; i++) {
		int r = 0;

		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (!ended && strncmp(argv[i], "--", 2) == 0) {
			r = parse_long(argv, argc, &i, options, err);
		} else if (!ended && argv[i][0] == '-' && argv[i][1]) {
			r = parse_short(argv, argc, &i, options, err);
		} else if (count == operands_max) {
			r = error_set(err, -EINVAL, "unexpected argument \"%s\"", argv[i]);
		} else {
			operands[count++] = argv[i];
		}
		if (r != 0)
			return r;
	}
	if (operands_count)
		*operands_count = count;
	return 0;
}

static void help_row(FILE *out, char letter, const char *name, const char *argument,
		     const char *help)
{
	char left[64];

	if (letter)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", letter, name, argument ? " " : "",
			 argument ? argument : "");
	else
		snprintf(left, sizeof(left), "    --%s%s%s", name, argument ? " " : "",
			 argument ? argument : "");
	fprintf(out, "  %-28s %s\n", left, help);
}

void options_help(FILE *out, const struct option_usage *usage, const struct option *options)
{
	fprintf(out, "Usage: %s%s%s\n", usage->command, usage->operands ? " " : "",
		usage->operands ? usage->operands : "");
	if (usage->summary)
		fprintf(out, "%s\n", usage->summary);
	fputs("\nOptions:\n", out);
	for (; options->name; options++)
		help_row(out, options->letter, options->name, options->argument, options->help);
	help_row(out, 'h', "help", NULL, "show this help");
	if (usage->notes)
		fprintf(out, "\n%s\n", usage->notes);
}
