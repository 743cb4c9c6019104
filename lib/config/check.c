#include "lib/config/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/schema.h"
#include "lib/nearest.h"

enum { EXPECTED_SIZE = 256, SHOWN_MAX = 60 };

int config_rename(struct config_node *tree, struct config_problems *problems)
{
	struct config_node *old = config_child(tree, "rancher");
	char *name;

	if (!old)
		return 0;
	if (config_child(tree, "proa"))
		return config_problem(problems, CONFIG_ERROR, &old->at, old->key,
				      "is the same section as proa: write one of them");
	name = strdup("proa");
	if (!name)
		return -ENOMEM;
	free(old->key);
	old->key = name;
	return 0;
}

static int check_node(const struct config_node *node, const struct config_row *row,
		      const char *path, struct config_problems *problems);

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

static int wrong_kind(const struct config_node *node, const struct config_row *row,
		      const char *path, struct config_problems *problems)
{
	char expected[EXPECTED_SIZE];

	config_expected(row, expected, sizeof(expected));
	return config_problem(problems, CONFIG_ERROR, &node->at, path, "expected %s, not %s",
			      expected, found(node));
}

static int check_text(const struct config_node *node, const struct config_row *row,
		      const char *path, struct config_problems *problems)
{
	char expected[EXPECTED_SIZE];
	bool cut;

	if (!row->type || row->type->accepts(row, node->text))
		return 0;
	config_expected(row, expected, sizeof(expected));
	if (row->flags & CONFIG_SECRET || strpbrk(node->text, "\n\r\033"))
		return config_problem(problems, CONFIG_ERROR, &node->at, path, "expected %s",
				      expected);
	cut = strlen(node->text) > SHOWN_MAX;
	return config_problem(problems, CONFIG_ERROR, &node->at, path, "\"%.*s%s\" is not %s",
			      SHOWN_MAX, node->text, cut ? "…" : "", expected);
}

static int check_list(const struct config_node *node, const struct config_row *row,
		      const char *path, struct config_problems *problems)
{
	const struct config_row *item = config_row_below(row, "[]");
	char below[CONFIG_PATH_SIZE];
	int r = 0;

	if (row->most &&
	    ((long long)node->count < row->least || (long long)node->count > row->most))
		r = config_problem(problems, CONFIG_ERROR, &node->at, path,
				   "must have %lld to %lld items, not %zu", row->least, row->most,
				   node->count);
	for (size_t i = 0; i < node->count && r == 0; i++) {
		snprintf(below, sizeof(below), "%s[%zu]", path, i);
		r = check_node(&node->children[i], item, below, problems);
	}
	return r;
}

static int unknown_key(const struct config_node *node, const struct config_row *section,
		       const char *path, struct config_problems *problems)
{
	struct nearest nearest = {.wanted = node->key};
	const struct config_row *row = NULL;
	const char *name;

	while ((row = config_row_next(section, row, &name)))
		nearest_offer(&nearest, name);
	if (nearest.name)
		return config_problem(problems, CONFIG_ERROR, &node->at, path,
				      "unknown key; did you mean %s?", nearest.name);
	/* What belongs below `proa:` and stands at the top, or the other way round. */
	if (!section && (row = config_row_below(config_row_below(NULL, "proa"), node->key)))
		return config_problem(problems, CONFIG_ERROR, &node->at, path,
				      "unknown key; %s has its place below proa:", node->key);
	if (section && strcmp(section->path, "proa") == 0 && config_row_below(NULL, node->key))
		return config_problem(
			problems, CONFIG_ERROR, &node->at, path,
			"unknown key; %s has its place at the top, not below proa:", node->key);
	return config_problem(problems, CONFIG_ERROR, &node->at, path, "unknown key");
}

static int check_missing(const struct config_node *node, const struct config_row *section,
			 const char *path, struct config_problems *problems)
{
	const struct config_row *row = NULL;
	const char *name;
	int r = 0;

	while (r == 0 && (row = config_row_next(section, row, &name)))
		if (row->flags & CONFIG_NEEDED && !config_child(node, name))
			r = config_problem(problems, CONFIG_ERROR, &node->at, path,
					   "the key %s is missing", name);
	return r;
}

static int check_map(const struct config_node *node, const struct config_row *section,
		     const char *path, struct config_problems *problems)
{
	char below[CONFIG_PATH_SIZE];
	int r = check_missing(node, section, path, problems);

	for (size_t i = 0; i < node->count && r == 0; i++) {
		const struct config_node *child = &node->children[i];
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

static int check_node(const struct config_node *node, const struct config_row *row,
		      const char *path, struct config_problems *problems)
{
	if (row->flags & CONFIG_UNUSED)
		return config_problem(problems, CONFIG_WARNING, &node->at, path,
				      "has no effect: %s", row->about);
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

int config_check(const struct config_node *tree, struct config_problems *problems)
{
	return check_map(tree, NULL, "", problems);
}
