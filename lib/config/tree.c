#include "lib/config/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct config_node *config_child(const struct config_node *node, const char *key)
{
	if (node->kind != CONFIG_MAP)
		return NULL;
	for (size_t i = 0; i < node->count; i++)
		if (strcmp(node->children[i].key, key) == 0)
			return &node->children[i];
	return NULL;
}

struct config_node *config_add(struct config_node *node, char *key)
{
	struct config_node *child;

	/* Room for 1, 2, 4, 8 …: grown when the count is a power of two. */
	if ((node->count & (node->count - 1)) == 0) {
		size_t room = node->count ? 2 * node->count : 1;
		struct config_node *bigger = realloc(node->children, room * sizeof(*bigger));

		if (!bigger) {
			free(key);
			return NULL;
		}
		node->children = bigger;
	}
	child = &node->children[node->count++];
	*child = (struct config_node){.key = key};
	return child;
}

int config_copy(struct config_node *to, const struct config_node *from)
{
	to->kind = from->kind;
	to->quoted = from->quoted;
	to->at = from->at;
	if (from->text && !(to->text = strdup(from->text)))
		return -ENOMEM;
	for (size_t i = 0; i < from->count; i++) {
		const struct config_node *child = &from->children[i];
		char *key = child->key ? strdup(child->key) : NULL;
		struct config_node *copy;

		if (child->key && !key)
			return -ENOMEM;
		copy = config_add(to, key);
		if (!copy || config_copy(copy, child) < 0)
			return -ENOMEM;
	}
	return 0;
}

void config_place_all(struct config_node *node, const struct config_place *at)
{
	node->at = *at;
	for (size_t i = 0; i < node->count; i++)
		config_place_all(&node->children[i], at);
}

size_t config_size(const struct config_node *node)
{
	size_t size = 1;

	for (size_t i = 0; i < node->count; i++)
		size += config_size(&node->children[i]);
	return size;
}

unsigned int config_depth(const struct config_node *node)
{
	unsigned int deepest = 0;

	for (size_t i = 0; i < node->count; i++) {
		unsigned int depth = config_depth(&node->children[i]);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + (node->kind == CONFIG_LIST || node->kind == CONFIG_MAP);
}

void config_prune(struct config_node *node)
{
	size_t kept = 0;

	for (size_t i = 0; i < node->count; i++) {
		struct config_node *child = &node->children[i];

		config_prune(child);
		if (child->bad && node->kind == CONFIG_LIST && !node->key)
			node->bad = true;
		if (child->bad)
			config_clear(child);
		else
			node->children[kept++] = *child;
	}
	node->count = kept;
}

void config_clear(struct config_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		config_clear(&node->children[i]);
	free(node->children);
	free(node->key);
	free(node->text);
	*node = (struct config_node){0};
}
