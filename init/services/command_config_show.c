#include "init/services/command_config.h"

#include <errno.h>
#include <stdio.h>

#include "lib/command.h"
#include "lib/config/emit.h"
#include "lib/config/layers.h"
#include "lib/config/merge.h"

static int failed(const char *command, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", command, err->message);
	if (err->code == -EACCES)
		fprintf(stderr, "Only root may read all of it: sudo %s\n", command);
	return EXIT_FAILED;
}

static enum config_secrets secrets_of(bool shown)
{
	return shown ? CONFIG_SHOW_SECRETS : CONFIG_MASK_SECRETS;
}

int command_config_get(int argc, char **argv)
{
	const char *key = NULL;
	size_t count;
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	const struct option_usage usage = {
		.command = "proa config get",
		.operands = "KEY",
		.summary = "Prints a value, the default where nobody has set one; secrets too.",
		.notes = "KEY is a name like proa.ssh.port, runcmd[0] or "
			 "proa.sysctl.vm.swappiness.\n"
			 "Exit status: 0 printed; 1 it has no value; 2 wrong usage.",
	};
	_cleanup_whole_config_ struct config config = {0};
	_cleanup_config_path_ struct config_path path = {0};
	struct error err = ERROR_INIT;
	const struct config_node *node;
	int r = command_arguments(argc, argv, &usage, options, &key, 1, &count);

	if (r >= 0)
		return r;
	if (count == 0)
		return command_usage(usage.command, "name a key");
	if (config_path_parse(key, &path, &err) < 0 || command_config_here(&err) < 0 ||
	    config_load(&config_of_this_machine, &config, &err) < 0)
		return failed(usage.command, &err);
	if (config.problems.errors)
		fprintf(stderr, "The configuration is in error, and in part left out: "
				"\"proa config export\" tells where.\n");
	node = config_find(&config.tree, &path);
	if (!node) {
		fprintf(stderr, "%s: %s is not set, and has no default\n", usage.command, key);
		return EXIT_FAILED;
	}
	if (node->kind == CONFIG_TEXT)
		printf("%s\n", node->text);
	else if (config_emit(stdout, node, CONFIG_SHOW_SECRETS) < 0)
		return failed(usage.command, (error_oom(&err), &err));
	return EXIT_DONE;
}

int command_config_export(int argc, char **argv)
{
	bool full = false, shown = false;
	const struct option options[] = {
		{0, "full", NULL, OPTION_FLAG, &full,
		 "with all defaults, and where each value comes from"},
		{0, "secrets", NULL, OPTION_FLAG, &shown, "show passwords instead of ********"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa config export",
		.operands = "[OPTIONS]",
		.summary = "Prints the machine's configuration as YAML.",
	};
	_cleanup_whole_config_ struct config config = {0};
	struct config_sources sources = config_of_this_machine;
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	sources.defaults = full;
	if (command_config_here(&err) < 0 || config_load(&sources, &config, &err) < 0)
		return failed(usage.command, &err);
	config_problems_print(stderr, &config.problems);
	r = full ? config_emit_places(stdout, &config.tree, secrets_of(shown))
		 : config_emit(stdout, &config.tree, secrets_of(shown));
	return r < 0 ? failed(usage.command, (error_oom(&err), &err)) : EXIT_DONE;
}
