#include "init/services/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "init/services/command_config.h"
#include "init/services/paths.h"
#include "lib/cleanup.h"
#include "lib/command.h"
#include "lib/config/check.h"
#include "lib/config/document.h"
#include "lib/config/schema.h"
#include "lib/config/yaml.h"
#include "lib/io.h"
#include "lib/nearest.h"

enum { FILES_MAX = 64 };

int command_config_here(struct error *err)
{
	if (access(PATH_BOOT, F_OK) == 0)
		return 0;
	return error_set(err, -ENOENT,
			 "this machine does not run Proa (there is no " PATH_BOOT ")");
}

int command_config_read(const char *path, const char **name, char **text, size_t *size,
			struct error *err)
{
	*name = strcmp(path, "-") == 0 ? "standard input" : path;
	if (*name == path)
		return io_read_file(path, CONFIG_FILE_MAX, text, size, err);
	return io_read_fd(STDIN_FILENO, *name, CONFIG_FILE_MAX, text, size, err);
}

/* Reads a file and adds what is wrong with it. */
static int validate_file(const char *path, struct config_problems *problems, struct error *err)
{
	_cleanup_config_ struct config_node tree = {0};
	_cleanup_free_ char *text = NULL;
	const char *name;
	size_t size;
	int r = command_config_read(path, &name, &text, &size, err);

	if (r < 0)
		return r;
	r = config_read_yaml(name, text, size, &tree, problems);
	if (r >= 0)
		r = config_rename(&tree, problems);
	if (r >= 0)
		r = config_check(&tree, problems);
	return r < 0 ? error_oom(err) : 0;
}

static int validate(int argc, char **argv)
{
	const char *files[FILES_MAX];
	size_t count;
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	const struct option_usage usage = {
		.command = "proa config validate",
		.operands = "FILE…",
		.summary = "Says what is wrong with cloud-configs; - is standard input.",
		.notes = "Exit status: 0 all can be used, with warnings perhaps; 1 one cannot; 2 "
			 "wrong "
			 "usage.",
	};
	_cleanup_problems_ struct config_problems problems = {0};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, files, FILES_MAX, &count);

	if (r >= 0)
		return r;
	if (count == 0)
		return command_usage(usage.command, "name a file (- is standard input)");
	r = 0;
	for (size_t i = 0; i < count && r == 0; i++)
		r = validate_file(files[i], &problems, &err);
	config_problems_sort(&problems);
	config_problems_print(stdout, &problems);
	if (r < 0) {
		fprintf(stderr, "proa config validate: %s\n", err.message);
		return EXIT_FAILED;
	}
	return problems.errors ? EXIT_FAILED : EXIT_DONE;
}

static int no_such_key(const char *prefix)
{
	struct nearest nearest = {.wanted = prefix};

	for (size_t i = 0; i < config_rows_count; i++)
		nearest_offer(&nearest, config_rows[i].path);
	fprintf(stderr, "proa config keys: no key begins with \"%s\"%s%s%s\n", prefix,
		nearest.name ? "; did you mean " : "", nearest.name ? nearest.name : "",
		nearest.name ? "?" : "");
	return EXIT_FAILED;
}

static int keys(int argc, char **argv)
{
	const char *format_name = "text";
	const char *prefix = NULL;
	size_t count;
	const struct option options[] = {
		{0, "format", "FORMAT", OPTION_STRING, &format_name,
		 "text (default), markdown or man"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa config keys",
		.operands = "[KEY]",
		.summary = "Lists the keys that there are, or those that begin with KEY.",
	};
	static const char *const formats[] = {[CONFIG_FORMAT_TEXT] = "text",
					      [CONFIG_FORMAT_MARKDOWN] = "markdown",
					      [CONFIG_FORMAT_MAN] = "man"};
	int r = command_arguments(argc, argv, &usage, options, &prefix, 1, &count);

	if (r >= 0)
		return r;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i], format_name) != 0)
			continue;
		if (config_document(stdout, (enum config_format)i, prefix) > 0)
			return EXIT_DONE;
		return no_such_key(prefix);
	}
	return command_usage(usage.command, "--format is text, markdown or man");
}

int command_config(int argc, char **argv)
{
	static const struct command commands[] = {
		{"get", "print a value", command_config_get},
		{"set", "set a value", command_config_set},
		{"unset", "take back what was set", command_config_unset},
		{"merge", "lay a cloud-config over what has been set", command_config_merge},
		{"apply", "have the running machine do what it says now", command_config_apply},
		{"export", "print the whole configuration", command_config_export},
		{"keys", "list the keys that there are", keys},
		{"validate", "say what is wrong with a cloud-config", validate},
		{NULL, NULL, NULL},
	};
	const struct command_group config = {
		.name = "proa config",
		.summary = "The machine's configuration.",
		.commands = commands,
	};

	return command_group_run(&config, argc, argv);
}
