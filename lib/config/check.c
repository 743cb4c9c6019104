#include "lib/config/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/schema.h"
#include "lib/nearest.h"

enum { EXPECTED_SIZE = 256, SHOWN_MAX = 60 };

/* An error, marked in the tree. */
#define refuse(problems, node, path, ...)                                                          \
	((node)->bad = true, config_problem(problems, CONFIG_ERROR, &(node)->at, path, __VA_ARGS__))

int config_rename(struct config_node *tree, struct config_problems *problems)
{
	struct config_node *old = config_child(tree, "rancher");
	char *name;

	if (!old)
		return 0;
	if (config_child(tree, "proa"))
		return refuse(problems, old, old->key,
			      "is the same section as proa: write one of them");
	name = strdup("proa");
	if (!name)
		return -ENOMEM;
	free(old->key);
	old->key = name;
	return 0;
}

static int check_node(struct config_node *node, const struct config_row *row, const char *path,
		      struct config_problems *problems);

static const char *found(const struct config_node *node)
{
	switch (node->kind) {
	case CONFIG_LIST:
		return "a list";
	case CONFIG_MAP:
		return "keys";
	case CONFIG_TEXT:
		return "a text";
	case CONFIG_NOTHING:
		break;
	}
	return "nothing";
}

static int wrong_kind(struct config_node *node, const struct config_row *row, const char *path,
		      struct config_problems *problems)
{
	char expected[EXPECTED_SIZE];

	config_expected(row, expected, sizeof(expected));
	return refuse(problems, node, path, "expected %s, not %s", expected, found(node));
}

static int check_text(struct config_node *node, const struct config_row *row, const char *path,
		      struct config_problems *problems)
{
	char expected[EXPECTED_SIZE];
	bool cut;

	if (!row->type || row->type->accepts(row, node->text))
		return 0;
	config_expected(row, expected, sizeof(expected));
	if (row->flags & CONFIG_SECRET || strpbrk(node->text, "\n\r\033"))
		return refuse(problems, node, path, "expected %s", expected);
	cut = strlen(node->text) > SHOWN_MAX;
	return refuse(problems, node, path, "\"%.*s%s\" is not %s", SHOWN_MAX, node->text,
		      cut ? "…" : "", expected);
}

static int check_list(struct config_node *node, const struct config_row *row, const char *path,
		      struct config_problems *problems)
{
	const struct config_row *item = config_row_below(row, "[]");
	char below[CONFIG_PATH_SIZE];
	int r = 0;

	if (row->most &&
	    ((long long)node->count < row->least || (long long)node->count > row->most))
		r = refuse(problems, node, path, "must have %lld to %lld items, not %zu",
			   row->least, row->most, node->count);
	for (size_t i = 0; i < node->count && r == 0; i++) {
		snprintf(below, sizeof(below), "%s[%zu]", path, i);
		r = check_node(&node->children[i], item, below, problems);
	}
	return r;
}

static int unknown_key(struct config_node *node, const struct config_row *section, const char *path,
		       struct config_problems *problems)
{
	struct nearest nearest = {.wanted = node->key};
	const struct config_row *row = NULL;
	const char *name;

	while ((row = config_row_next(section, row, &name)))
		nearest_offer(&nearest, name);
	if (nearest.name)
		return refuse(problems, node, path, "unknown key; did you mean %s?", nearest.name);
	/* What belongs below `proa:` and stands at the top, or the other way round. */
	if (!section && (row = config_row_below(config_row_below(NULL, "proa"), node->key)))
		return refuse(problems, node, path,
			      "unknown key; %s has its place below proa:", node->key);
	if (section && strcmp(section->path, "proa") == 0 && config_row_below(NULL, node->key))
		return config_problem(
			problems, CONFIG_ERROR, &node->at, path,
			"unknown key; %s has its place at the top, not below proa:", node->key);
	return refuse(problems, node, path, "unknown key");
}

static int check_missing(struct config_node *node, const struct config_row *section,
			 const char *path, struct config_problems *problems)
{
	const struct config_row *row = NULL;
	const char *name;
	int r = 0;

	while (r == 0 && (row = config_row_next(section, row, &name)))
		if (row->flags & CONFIG_NEEDED && !config_child(node, name))
			r = refuse(problems, node, path, "the key %s is missing", name);
	return r;
}

static int check_map(struct config_node *node, const struct config_row *section, const char *path,
		     struct config_problems *problems)
{
	char below[CONFIG_PATH_SIZE];
	int r = check_missing(node, section, path, problems);

	for (size_t i = 0; i < node->count && r == 0; i++) {
		struct config_node *child = &node->children[i];
		const struct config_row *row = config_row_below(section, child->key);

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", child->key);
		if (!row)
			r = unknown_key(child, section, below, problems);
		else if (child->kind == CONFIG_NOTHING)
			r = config_problem(problems, CONFIG_WARNING, &child->at, below,
					   "nothing stands behind it: it has no effect");
		else
			r = check_node(child, row, below, problems);
	}
	return r;
}

static int check_node(struct config_node *node, const struct config_row *row, const char *path,
		      struct config_problems *problems)
{
	if (row->flags & CONFIG_UNUSED)
		return config_problem(problems, CONFIG_WARNING, &node->at, path,
				      "has no effect: %s", row->about);
	if (row->flags & CONFIG_LATER &&
	    config_problem(problems, CONFIG_WARNING, &node->at, path, CONFIG_LATER_WORDS) < 0)
		return -ENOMEM;
	if (!(row->kinds & 1U << node->kind))
		return wrong_kind(node, row, path, problems);
	if (row->flags & CONFIG_ANY)
		return 0;
	switch (node->kind) {
	case CONFIG_TEXT:
		return check_text(node, row, path, problems);
	case CONFIG_LIST:
		return check_list(node, row, path, problems);
	case CONFIG_MAP:
		return check_map(node, row, path, problems);
	case CONFIG_NOTHING:
		break;
	}
	return 0;
}

int config_check(struct config_node *tree, struct config_problems *problems)
{
	return check_map(tree, NULL, "", problems);
}
