/*
 * A configuration as it was written: a tree of values, each with its place.
 */
#ifndef PROA_LIB_CONFIG_TREE_H
#define PROA_LIB_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config/problems.h"

enum config_kind {
	CONFIG_NOTHING, /* "key:" with nothing behind it, "~" or "null" */
	CONFIG_TEXT,
	CONFIG_LIST,
	CONFIG_MAP,
};

/* The deepest tree that is read: recursion over one is bounded by it. */
enum { CONFIG_DEPTH_MAX = 32 };

struct config_node {
	enum config_kind kind;
	bool quoted;            /* a text that was written in quotes or as a block */
	bool bad;               /* in error: config_prune takes it out */
	char *key;              /* its name within a map; NULL: an item of a list, or the top */
	char *text;             /* of a CONFIG_TEXT, without NULs in it */
	struct config_place at; /* of the value; within a map, of its key */
	struct config_node *children;
	size_t count;
};

/* The child called `key`, or NULL; of anything but a map: NULL. */
struct config_node *config_child(const struct config_node *node, const char *key);

/*
 * Appends a child, empty and CONFIG_NOTHING. `key` is taken, also on failure; it may be
 * NULL in a list. Pointers to this node's former children are stale afterwards.
 * Returns the child or NULL (out of memory).
 */
struct config_node *config_add(struct config_node *node, char *key);

/* Copies `from` with all below it over the empty node `to`. Returns 0 or -ENOMEM. */
int config_copy(struct config_node *to, const struct config_node *from);

/* Gives all that is in the tree one place. */
void config_place_all(struct config_node *node, const struct config_place *at);

/* Nodes in the tree, itself included. */
size_t config_size(const struct config_node *node);

/* How deep lists and maps stand in one another: 0 for a text. */
unsigned int config_depth(const struct config_node *node);

/*
 * Takes out what is marked as bad: one key of several, one SSH key of a list. A list within
 * a list goes as a whole: what is left would be another command, another mount.
 */
void config_prune(struct config_node *node);

/* Frees what is in the node; it is empty then, and keeps nothing. */
void config_clear(struct config_node *node);

#define _cleanup_config_ __attribute__((cleanup(config_clear)))

#endif
