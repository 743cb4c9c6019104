#include "init/services/command_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/command.h"
#include "lib/config/check.h"
#include "lib/config/emit.h"
#include "lib/config/layers.h"
#include "lib/config/merge.h"
#include "lib/config/yaml.h"
#include "lib/io.h"

#define HEADER                                                                                     \
	"# Written by `proa config`; it lies over all other files here. Comments in it are "       \
	"lost.\n"

enum { LOCK_WAIT_MS = 10 * 1000 };

/* What a command changes: the file that lies over all others of the folder. */
struct edit {
	const char *command; /* for messages */
	char *path;
	int folder;   /* locked: two commands at once must not lose each other's values */
	bool at_once; /* whoever needs the value reads the file anew each time */
	struct config_node tree;
	struct config_problems problems;
};

#define _cleanup_edit_ __attribute__((cleanup(edit_close)))

static void edit_close(struct edit *edit)
{
	free(edit->path);
	cleanup_fd(&edit->folder);
	config_clear(&edit->tree);
	config_problems_free(&edit->problems);
}

static int edit_open(struct edit *edit, const char *command, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	edit->command = command;
	edit->tree.kind = CONFIG_MAP;
	if (asprintf(&edit->path, "%s/" CONFIG_LOCAL, config_of_this_machine.folder) < 0) {
		edit->path = NULL;
		return error_oom(err);
	}
	r = command_config_here(err);
	if (r == 0)
		r = io_make_dirs(config_of_this_machine.folder, err);
	if (r < 0)
		return r;
	edit->folder = open(config_of_this_machine.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (edit->folder < 0)
		return error_errno(err, "cannot open %s", config_of_this_machine.folder);
	if (io_lock(edit->folder, LOCK_WAIT_MS) < 0)
		return error_set(err, -EBUSY, "another command is changing the configuration");
	r = io_read_file(edit->path, CONFIG_FILE_MAX, &text, &size, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	config_clear(&edit->tree);
	r = config_read_yaml(edit->path, text, size, &edit->tree, &edit->problems);
	if (r == 0)
		r = config_rename(&edit->tree, &edit->problems);
	if (r < 0)
		return error_oom(err);
	if (edit->problems.errors) {
		config_problems_print(stderr, &edit->problems);
		return error_set(err, -EINVAL, "%s is in error (above): mend or remove it",
				 edit->path);
	}
	return 0;
}

/* Checks the file as it would be, and replaces it. */
static int edit_commit(struct edit *edit, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream;
	int r = config_check(&edit->tree, &edit->problems);

	if (r < 0)
		return error_oom(err);
	config_problems_print(stderr, &edit->problems);
	if (edit->problems.errors)
		return error_set(err, -EINVAL, "nothing was changed, for %s above",
				 edit->problems.errors == 1 ? "the error" : "the errors");
	/* It would not be read any more. */
	if (config_depth(&edit->tree) > CONFIG_DEPTH_MAX)
		return error_set(err, -EINVAL,
				 "nothing was changed: nested more than %d levels deep",
				 CONFIG_DEPTH_MAX);
	stream = open_memstream(&text, &size);
	if (!stream)
		return error_oom(err);
	fputs(HEADER, stream);
	r = config_emit(stream, &edit->tree, CONFIG_SHOW_SECRETS);
	if (fclose(stream) != 0 || r < 0)
		return error_oom(err);
	return io_replace_file(edit->path, text, size, 0600, err);
}

static bool is_of_upgrades(const char *key)
{
	return strncmp(key, "proa.upgrade", strlen("proa.upgrade")) == 0;
}

static int done(const struct edit *edit, int r, const struct error *err)
{
	if (r == -EACCES || r == -EPERM)
		fprintf(stderr, "%s: only root may do this: sudo %s\n", edit->command,
			edit->command);
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", edit->command, err->message);
	else
		printf("%s is written. It counts %s\n", edit->path,
		       edit->at_once ? "at once."
				     : "from the next boot on, or now: sudo proa config apply");
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* A text is taken as it is; where the schema wants lists or keys, the value is YAML. */
static int set_value(struct edit *edit, const char *key, const char *value, struct error *err)
{
	static const struct config_place place = {.source = "VALUE"};
	_cleanup_config_path_ struct config_path path = {0};
	struct config_node *node;
	int r = config_path_parse(key, &path, err);

	if (r < 0)
		return r;
	node = config_make(&edit->tree, &path, &place);
	if (!node)
		return error_set(err, -EINVAL,
				 "%s: there is no such item, and it is not the next one", key);
	if (path.row && path.row->kinds == 1U << CONFIG_TEXT) {
		node->kind = CONFIG_TEXT;
		node->text = strdup(value);
		return node->text ? 0 : error_oom(err);
	}
	r = config_read_value("VALUE", value, strlen(value), node, &edit->problems);
	return r < 0 ? error_oom(err) : 0;
}

int command_config_set(int argc, char **argv)
{
	const char *operands[2];
	size_t count;
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	const struct option_usage usage = {
		.command = "proa config set",
		.operands = "KEY VALUE",
		.summary = "Sets a value, from the next boot or \"proa config apply\" on.",
		.notes = "KEY is a name like proa.ssh.port, runcmd[0] or "
			 "proa.sysctl.vm.swappiness.\n"
			 "Lists are written as YAML: proa config set runcmd '[echo hello]'.",
	};
	_cleanup_edit_ struct edit edit = {.folder = -1};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, operands, 2, &count);

	if (r >= 0)
		return r;
	if (count < 2)
		return command_usage(usage.command, "name a key and a value");
	edit.at_once = is_of_upgrades(operands[0]);
	r = edit_open(&edit, usage.command, &err);
	if (r == 0)
		r = set_value(&edit, operands[0], operands[1], &err);
	if (r == 0)
		r = edit_commit(&edit, &err);
	return done(&edit, r, &err);
}

/* Where a value comes from that is not in the file: another place to take it out of. */
static int not_there(const char *key, const struct config_path *path, const char *file,
		     struct error *err)
{
	_cleanup_whole_config_ struct config config = {0};
	const struct config_node *node;
	int r = config_load(&config_of_this_machine, &config, err);

	if (r < 0)
		return r;
	node = config_find(&config.tree, path);
	if (!node)
		return error_set(err, -ENOENT, "%s is not set", key);
	if (node->at.line)
		return error_set(err, -ENOENT, "%s is not set in %s, but in %s, line %u", key, file,
				 node->at.source, node->at.line);
	return error_set(err, -ENOENT, "%s is not set in %s, but comes from: %s", key, file,
			 node->at.source);
}

int command_config_unset(int argc, char **argv)
{
	const char *key = NULL;
	size_t count;
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	const struct option_usage usage = {
		.command = "proa config unset",
		.operands = "KEY",
		.summary = "Takes back what \"proa config set\" has set.",
	};
	_cleanup_edit_ struct edit edit = {.folder = -1};
	_cleanup_config_path_ struct config_path path = {0};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, &key, 1, &count);

	if (r >= 0)
		return r;
	if (count == 0)
		return command_usage(usage.command, "name a key");
	edit.at_once = is_of_upgrades(key);
	r = edit_open(&edit, usage.command, &err);
	if (r == 0)
		r = config_path_parse(key, &path, &err);
	if (r == 0 && !config_remove(&edit.tree, &path))
		r = not_there(key, &path, edit.path, &err);
	if (r == 0)
		r = edit_commit(&edit, &err);
	return done(&edit, r, &err);
}

static int merge_file(struct edit *edit, const char *file, struct error *err)
{
	_cleanup_config_ struct config_node tree = {0};
	_cleanup_free_ char *text = NULL;
	const char *name;
	size_t size;
	int r = command_config_read(file, &name, &text, &size, err);

	if (r < 0)
		return r;
	r = config_read_yaml(name, text, size, &tree, &edit->problems);
	if (r >= 0)
		r = config_rename(&tree, &edit->problems);
	if (r >= 0)
		r = config_merge(&edit->tree, &tree);
	return r < 0 ? error_oom(err) : 0;
}

int command_config_merge(int argc, char **argv)
{
	const char *file = NULL;
	size_t count;
	const struct option options[] = {{0, NULL, NULL, OPTION_FLAG, NULL, NULL}};
	const struct option_usage usage = {
		.command = "proa config merge",
		.operands = "FILE",
		.summary = "Lays a cloud-config over what has been set; - is standard input.",
		.notes = "Keys are taken one by one, lists as a whole. In error, nothing is "
			 "changed.",
	};
	_cleanup_edit_ struct edit edit = {.folder = -1};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, &file, 1, &count);

	if (r >= 0)
		return r;
	if (count == 0)
		return command_usage(usage.command, "name a file (- is standard input)");
	r = edit_open(&edit, usage.command, &err);
	if (r == 0)
		r = merge_file(&edit, file, &err);
	if (r == 0)
		r = edit_commit(&edit, &err);
	return done(&edit, r, &err);
}
