#include "lib/config/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/nearest.h"

/* Empties a node, but leaves it its name. */
static void empty(struct config_node *node)
{
	char *key = ptr_take(node->key);

	config_clear(node);
	node->key = key;
}

int config_merge(struct config_node *base, const struct config_node *over)
{
	if (over->kind == CONFIG_NOTHING)
		return 0;
	if (base->kind != CONFIG_MAP || over->kind != CONFIG_MAP) {
		empty(base);
		return config_copy(base, over);
	}
	base->at = over->at;
	for (size_t i = 0; i < over->count; i++) {
		const struct config_node *child = &over->children[i];
		struct config_node *below = config_child(base, child->key);
		char *key;

		if (child->kind == CONFIG_NOTHING)
			continue;
		if (!below) {
			key = strdup(child->key);
			below = key ? config_add(base, key) : NULL;
		}
		if (!below || config_merge(below, child) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Whether what has free keys here has values behind them, and no further keys. */
static bool is_last(const struct config_row *names)
{
	const char *name;

	return names && !config_row_next(names, NULL, &name) && !(names->kinds & 1U << CONFIG_MAP);
}

/* One key: in quotes, up to the next dot or bracket, or all of the rest. */
static char *take_key(const char **text, bool rest)
{
	const char *start = *text;
	size_t length;

	if (*start == '"') {
		const char *end = strchr(++start, '"');

		if (!end)
			return NULL;
		*text = end + 1;
		return strndup(start, (size_t)(end - start));
	}
	length = rest ? strlen(start) : strcspn(start, ".[");
	*text += length;
	return strndup(start, length);
}

static bool take_index(const char **text, size_t *index)
{
	char *end;

	if ((*text)[1] < '0' || (*text)[1] > '9')
		return false;
	errno = 0;
	*index = strtoul(*text + 1, &end, 10);
	if (errno || *end != ']')
		return false;
	*text = end + 1;
	return true;
}

/* Returns 0 or -EINVAL: no key or index stands there. */
static int take_step(const char **text, bool first, bool rest, struct config_step *step)
{
	if (**text == '[')
		return take_index(text, &step->index) && !first ? 0 : -EINVAL;
	if (!first && *(*text)++ != '.')
		return -EINVAL;
	step->key = take_key(text, rest);
	if (step->key && *step->key)
		return 0;
	free(ptr_take(step->key));
	return -EINVAL;
}

static int no_key(const struct config_row *section, const char *key, const char *text,
		  struct error *err)
{
	struct nearest nearest = {.wanted = key};
	const struct config_row *row = NULL;
	const char *name;

	while ((row = config_row_next(section, row, &name)))
		nearest_offer(&nearest, name);
	if (nearest.name)
		return error_set(err, -EINVAL, "there is no key \"%s\"; did you mean %s%s%s?", text,
				 section ? section->path : "", section ? "." : "", nearest.name);
	return error_set(err, -EINVAL, "there is no key \"%s\"; \"proa config keys\" lists them",
			 text);
}

static int parse(const char *text, struct config_path *out, struct error *err)
{
	const char *at = text;
	bool any = false;

	do {
		const struct config_row *names = out->row ? config_row_below(out->row, "*") : NULL;
		struct config_step *step = &out->steps[out->count];
		const struct config_row *row;

		*step = (struct config_step){0};
		if (out->count == CONFIG_DEPTH_MAX ||
		    take_step(&at, out->count == 0, is_last(names), step) < 0)
			return error_set(err, -EINVAL,
					 "\"%s\" is not the name of a key (\"proa.ssh.port\", "
					 "\"runcmd[0]\")",
					 text);
		if (out->count++ == 0 && strcmp(step->key, "rancher") == 0)
			strcpy(step->key, "proa");
		any = any || (out->row && out->row->flags & CONFIG_ANY);
		if (any)
			continue;
		row = config_row_below(out->row, step->key ? step->key : "[]");
		if (!row)
			return no_key(out->row, step->key ? step->key : "[]", text, err);
		out->row = row;
	} while (*at);
	if (any)
		out->row = NULL;
	return 0;
}

int config_path_parse(const char *text, struct config_path *out, struct error *err)
{
	int r;

	*out = (struct config_path){0};
	r = parse(text, out, err);
	if (r < 0)
		config_path_free(out);
	return r;
}

void config_path_free(struct config_path *path)
{
	for (size_t i = 0; i < path->count; i++)
		free(path->steps[i].key);
	*path = (struct config_path){0};
}

static struct config_node *step_into(const struct config_node *node, const struct config_step *step)
{
	if (step->key)
		return config_child(node, step->key);
	return node->kind == CONFIG_LIST && step->index < node->count ? &node->children[step->index]
								      : NULL;
}

struct config_node *config_find(const struct config_node *tree, const struct config_path *path)
{
	const struct config_node *node = tree;

	for (size_t i = 0; i < path->count && node; i++)
		node = step_into(node, &path->steps[i]);
	return (struct config_node *)node;
}

struct config_node *config_make(struct config_node *tree, const struct config_path *path,
				const struct config_place *at)
{
	struct config_node *node = tree;

	for (size_t i = 0; i < path->count; i++) {
		const struct config_step *step = &path->steps[i];
		enum config_kind kind = step->key ? CONFIG_MAP : CONFIG_LIST;
		struct config_node *below;
		char *key = NULL;

		if (node->kind != kind) {
			empty(node);
			node->kind = kind;
			node->at = *at;
		}
		below = step_into(node, step);
		if (!below && !step->key && step->index != node->count)
			return NULL;
		if (!below && step->key && !(key = strdup(step->key)))
			return NULL;
		node = below ? below : config_add(node, key);
		if (!node)
			return NULL;
		if (!below)
			node->at = *at;
	}
	empty(node);
	node->at = *at;
	return node;
}

static void drop(struct config_node *parent, struct config_node *child)
{
	size_t index = (size_t)(child - parent->children);

	config_clear(child);
	parent->count--;
	memmove(child, child + 1, (parent->count - index) * sizeof(*child));
}

bool config_remove(struct config_node *tree, const struct config_path *path)
{
	struct config_path above = *path;
	struct config_node *node = config_find(tree, path);

	if (!node)
		return false;
	/* Borrowed steps: `above` is not freed. */
	while (above.count > 0) {
		struct config_node *parent;

		above.count--;
		parent = config_find(tree, &above);
		drop(parent, node);
		node = parent;
		if (node->count > 0)
			break;
	}
	return true;
}
