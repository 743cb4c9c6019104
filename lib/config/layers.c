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
	.good = "/var/lib/proa/conf-good",
	.cmdline = "/proc/cmdline",
	.defaults = true,
};

static int check_layer(struct config_node *layer, struct config_problems *problems)
{
	int r = config_rename(layer, problems);

	return r < 0 ? r : config_check(layer, problems);
}

/* Leaves out what is wrong in a layer, and lays the rest over the others. */
static int lay(struct config *config, struct config_node *layer)
{
	config_prune(layer);
	return config_merge(&config->tree, layer);
}

static int add_layer(struct config *config, struct config_node *layer)
{
	int r = check_layer(layer, &config->problems);

	return r < 0 ? r : lay(config, layer);
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

/*
 * The last good version of the file `path`, which is in error. Returns 1 where it was laid
 * over the others, 0 where there is none, or -ENOMEM.
 */
static int add_good(struct config *config, const char *good, const char *path)
{
	_cleanup_config_ struct config_node layer = {0};
	_cleanup_problems_ struct config_problems problems = {0};
	_cleanup_free_ char *name = NULL, *text = NULL;
	const char *source;
	size_t size;
	int r;

	if (asprintf(&name, "%s/%s", good, strrchr(path, '/') + 1) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (io_read_file(name, CONFIG_FILE_MAX, &text, &size, NULL) < 0)
		return 0;
	source = keep_name(config, name);
	r = source ? config_read_yaml(source, text, size, &layer, &problems) : -ENOMEM;
	if (r == 0)
		r = check_layer(&layer, &problems);
	/* Good for an earlier release, and not for this one. */
	if (r != 0 || problems.errors > 0)
		return r < 0 ? r : 0;
	config->old_files++;
	r = lay(config, &layer);
	return r < 0 ? r : 1;
}

/* good: of config_sources, or NULL */
static int add_text(struct config *config, const char *name, const char *text, size_t size,
		    const char *good)
{
	_cleanup_config_ struct config_node layer = {0};
	const char *source = keep_name(config, name);
	size_t before = config->problems.errors;
	int r, old = 0;

	r = source ? config_read_yaml(source, text, size, &layer, &config->problems) : -ENOMEM;
	if (r == 0)
		r = check_layer(&layer, &config->problems);
	if (r >= 0 && good && config->problems.errors > before)
		old = add_good(config, good, name);
	if (r < 0 || old != 0)
		return r < 0 ? r : old < 0 ? old : 0;
	return r == CONFIG_CUT ? 0 : lay(config, &layer);
}

static int load_file(struct config *config, const char *path, const char *good, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = io_read_file(path, CONFIG_FILE_MAX, &text, &size, err);

	if (r < 0)
		return r;
	return add_text(config, path, text, size, good) < 0 ? error_oom(err) : 0;
}

int config_load_file(struct config *config, const char *path, struct error *err)
{
	return load_file(config, path, NULL, err);
}

/*
 * A file that need not be there. One that cannot be read is left out, and named, as long as
 * it is the file's own fault: an odd one must not cost a machine all the others, and a pipe
 * in its place not its boot.
 */
static int add_optional(struct config *config, const char *path, const char *good,
			struct error *err)
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
		r = load_file(config, path, good, &own);
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

static int add_member(struct config *config, const struct config_sources *sources, const char *name,
		      struct error *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", sources->folder, name) < 0) {
		path = NULL;
		return error_oom(err);
	}
	return add_optional(config, path, sources->good, err);
}

static int add_folder(struct config *config, const struct config_sources *sources,
		      struct error *err)
{
	const char *folder = sources->folder;
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_yaml, by_name);
	int r = 0;

	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return error_errno(err, "cannot read the folder %s", folder);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_member(config, sources, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? r : add_member(config, sources, CONFIG_LOCAL, err);
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
	r = add_optional(config, sources->image, NULL, err);
	if (r == 0)
		r = add_optional(config, sources->data_source, NULL, err);
	if (r == 0 && sources->folder)
		r = add_folder(config, sources, err);
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

/* Whether the file can be used as it is; then *text is what stands in it. */
static bool is_good(const char *path, char **text, size_t *size)
{
	_cleanup_config_ struct config_node tree = {0};
	_cleanup_problems_ struct config_problems problems = {0};
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       io_read_file(path, CONFIG_FILE_MAX, text, size, NULL) == 0 &&
	       config_read_yaml(path, *text, *size, &tree, &problems) == 0 &&
	       check_layer(&tree, &problems) == 0 && problems.errors == 0;
}

static void keep_file(const struct config_sources *sources, const char *name)
{
	_cleanup_free_ char *path = NULL, *kept = NULL, *text = NULL, *before = NULL;
	size_t size, size_before;

	if (asprintf(&path, "%s/%s", sources->folder, name) < 0)
		path = NULL;
	if (asprintf(&kept, "%s/%s", sources->good, name) < 0)
		kept = NULL;
	if (!path || !kept)
		return;
	if (!is_good(path, &text, &size) ||
	    (io_read_file(kept, CONFIG_FILE_MAX, &before, &size_before, NULL) == 0 &&
	     size == size_before && memcmp(text, before, size) == 0))
		return;
	(void)io_replace_file(kept, text, size, 0600, NULL);
}

void config_keep_good(const struct config_sources *sources)
{
	struct dirent **entries = NULL;
	int count;

	if (mkdir(sources->good, 0700) < 0 && errno != EEXIST)
		return;
	count = scandir(sources->folder, &entries, is_yaml, by_name);
	for (int i = 0; i < count; i++) {
		keep_file(sources, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	keep_file(sources, CONFIG_LOCAL);
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
