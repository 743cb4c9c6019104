#include "lib/config/layers.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/config/check.h"
#include "lib/config/merge.h"
#include "lib/config/schema.h"
#include "lib/config/yaml.h"
#include "lib/io.h"

#define KERNEL_ARGUMENT "kernel argument"
#define PREFIX          "cc."

enum { CMDLINE_MAX = 64 << 10 };

const struct config_sources config_of_this_machine = {
	.image = "/usr/lib/proa/config.yml",
	.data_source = "/var/lib/proa/data-source.yml",
	.folder = "/var/lib/proa/conf",
	.cmdline = "/proc/cmdline",
	.defaults = true,
};

/* Checks a layer, leaves out what is wrong in it, and lays the rest over the others. */
static int add_layer(struct config *config, struct config_node *layer)
{
	int r = config_rename(layer, &config->problems);

	if (r == 0)
		r = config_check(layer, &config->problems);
	if (r < 0)
		return r;
	config_prune(layer);
	return config_merge(&config->tree, layer);
}

/* Keeps a name for as long as places point to it. */
static const char *keep_name(struct config *config, const char *name)
{
	char **bigger = realloc(config->names, (config->names_count + 1) * sizeof(*bigger));
	char *kept;

	if (!bigger)
		return NULL;
	config->names = bigger;
	kept = strdup(name);
	if (kept)
		config->names[config->names_count++] = kept;
	return kept;
}

static int add_text(struct config *config, const char *name, const char *text, size_t size)
{
	_cleanup_config_ struct config_node layer = {0};
	const char *source = keep_name(config, name);
	int r = source ? config_read_yaml(source, text, size, &layer, &config->problems) : -ENOMEM;

	if (r == CONFIG_CUT)
		return 0;
	return r < 0 ? r : add_layer(config, &layer);
}

int config_load_file(struct config *config, const char *path, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = io_read_file(path, CONFIG_FILE_MAX, &text, &size, err);

	if (r < 0)
		return r;
	return add_text(config, path, text, size) < 0 ? error_oom(err) : 0;
}

/*
 * A file that need not be there. One that cannot be read is left out, and named, as long as
 * it is the file's own fault: an odd one must not cost a machine all the others, and a pipe
 * in its place not its boot.
 */
static int add_optional(struct config *config, const char *path, struct error *err)
{
	struct config_place place = {0};
	struct error own = ERROR_INIT;
	struct stat status;
	int r;

	if (!path)
		return 0;
	if (stat(path, &status) < 0)
		r = errno == ENOENT ? 0 : error_errno(&own, "cannot open %s", path);
	else if (S_ISREG(status.st_mode))
		r = config_load_file(config, path, &own);
	else
		r = error_set(&own, -EINVAL, "%s is no file", path);
	if (r >= 0)
		return 0;
	if (r == -EACCES || r == -ENOMEM)
		return error_set(err, r, "%s", own.message);
	place.source = keep_name(config, path);
	if (!place.source ||
	    config_problem(&config->problems, CONFIG_ERROR, &place, NULL, "%s", own.message) < 0)
		return error_oom(err);
	return 0;
}

/* A default for each key that stands alone: items and keys of one's own have none. */
static int add_defaults(struct config *config)
{
	static const struct config_place place = {.source = CONFIG_BUILT_IN};

	for (size_t i = 0; i < config_rows_count; i++) {
		const struct config_row *row = &config_rows[i];
		_cleanup_config_path_ struct config_path path = {0};
		struct config_node *node;

		if (!row->fallback || strpbrk(row->path, "*["))
			continue;
		if (config_path_parse(row->path, &path, NULL) < 0)
			return -ENOMEM;
		node = config_make(&config->tree, &path, &place);
		if (!node || !(node->text = strdup(row->fallback)))
			return -ENOMEM;
		node->kind = CONFIG_TEXT;
	}
	return 0;
}

static int is_yaml(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end && strcmp(end, ".yml") == 0 &&
	       strcmp(entry->d_name, CONFIG_LOCAL) != 0;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static int add_member(struct config *config, const char *folder, const char *name,
		      struct error *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return error_oom(err);
	}
	return add_optional(config, path, err);
}

static int add_folder(struct config *config, const char *folder, struct error *err)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_yaml, by_name);
	int r = 0;

	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return error_errno(err, "cannot read the folder %s", folder);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_member(config, folder, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? r : add_member(config, folder, CONFIG_LOCAL, err);
}

/* One argument, "cc.KEY=VALUE"; the value is YAML, so that lists can be given. */
static int add_argument(struct config *config, const char *word)
{
	static const struct config_place place = {.source = KERNEL_ARGUMENT};
	_cleanup_free_ char *name = strdup(word + strlen(PREFIX));
	_cleanup_config_path_ struct config_path path = {0};
	_cleanup_config_ struct config_node layer = {.kind = CONFIG_MAP, .at = place};
	struct error err = ERROR_INIT;
	struct config_node *node;
	char *value;
	int r;

	if (!name)
		return -ENOMEM;
	value = strchr(name, '=');
	if (!value)
		return config_problem(&config->problems, CONFIG_ERROR, &place, name,
				      "has no value (" PREFIX "KEY=VALUE)");
	*value++ = '\0';
	r = config_path_parse(name, &path, &err);
	if (r == -EINVAL)
		return config_problem(&config->problems, CONFIG_ERROR, &place, name, "%s",
				      err.message);
	node = r == 0 ? config_make(&layer, &path, &place) : NULL;
	if (!node)
		return r < 0 ? r
			     : config_problem(&config->problems, CONFIG_ERROR, &place, name,
					      "items are given all at once: " PREFIX "KEY=[A, B]");
	r = config_read_value(KERNEL_ARGUMENT, value, strlen(value), node, &config->problems);
	if (r != 0)
		return r == CONFIG_CUT ? 0 : r;
	config_place_all(&layer, &place);
	return add_layer(config, &layer);
}

/* Words of the line; "…" keeps spaces together, as the kernel has it, and goes. */
static int add_cmdline(struct config *config, char *line)
{
	char *word = line, *to = line;
	bool quoted = false;
	int r = 0;

	for (char *c = line; r == 0; c++) {
		if (*c == '"') {
			quoted = !quoted;
			continue;
		}
		if (*c && (quoted || !strchr(" \t\n", *c))) {
			*to++ = *c;
			continue;
		}
		bool last = !*c;

		*to = '\0';
		if (strncmp(word, PREFIX, strlen(PREFIX)) == 0)
			r = add_argument(config, word);
		if (last)
			break;
		word = to = c + 1;
	}
	return r;
}

static int load(const struct config_sources *sources, struct config *config, struct error *err)
{
	_cleanup_free_ char *line = NULL;
	size_t size;
	int r;

	config->tree.kind = CONFIG_MAP;
	if (sources->defaults && add_defaults(config) < 0)
		return error_oom(err);
	r = add_optional(config, sources->image, err);
	if (r == 0)
		r = add_optional(config, sources->data_source, err);
	if (r == 0 && sources->folder)
		r = add_folder(config, sources->folder, err);
	if (r == 0 && sources->cmdline)
		r = io_read_file(sources->cmdline, CMDLINE_MAX, &line, &size, err);
	if (r == 0 && line && add_cmdline(config, line) < 0)
		return error_oom(err);
	return r;
}

int config_load(const struct config_sources *sources, struct config *out, struct error *err)
{
	int r;

	*out = (struct config){0};
	r = load(sources, out, err);
	if (r < 0)
		config_free(out);
	return r;
}

void config_free(struct config *config)
{
	config_clear(&config->tree);
	config_problems_free(&config->problems);
	for (size_t i = 0; i < config->names_count; i++)
		free(config->names[i]);
	free(config->names);
	*config = (struct config){0};
}
