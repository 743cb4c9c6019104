/* Trees laid over one another, and what is in them by name. */
#ifndef PROA_LIB_CONFIG_MERGE_H
#define PROA_LIB_CONFIG_MERGE_H

#include "lib/config/schema.h"
#include "lib/config/tree.h"
#include "lib/error.h"

/*
 * Lays `over` on `base`: keys of maps are taken one by one, texts and lists as a whole.
 * What stands for nothing ("key:") changes nothing. Returns 0 or -ENOMEM.
 */
int config_merge(struct config_node *base, const struct config_node *over);

/* One part of a path: a key, or an item of a list. */
struct config_step {
	char *key; /* NULL: the item `index` */
	size_t index;
};

struct config_path {
	struct config_step steps[CONFIG_DEPTH_MAX + 1];
	size_t count;
	const struct config_row *row; /* of what it leads to; NULL: another format's */
};

/*
 * Reads "proa.network.interfaces.eth0.addresses[0]". A key with dots in it stands in quotes
 * (interfaces."eth0.10".mtu), but for the last one where the schema leaves keys free
 * (proa.sysctl.vm.swappiness). `rancher` is read as `proa`.
 *
 * Returns 0 or -EINVAL: it is none, or the schema has no such key.
 */
int config_path_parse(const char *text, struct config_path *out, struct error *err);

void config_path_free(struct config_path *path);

#define _cleanup_config_path_ __attribute__((cleanup(config_path_free)))

/* The node that the path leads to, or NULL. */
struct config_node *config_find(const struct config_node *tree, const struct config_path *path);

/*
 * The same, made where it is missing: empty then, and so is what stood there. An item may be
 * the next behind a list's last. What is made has its place at `at`.
 * Returns NULL: out of memory, or no such item.
 */
struct config_node *config_make(struct config_node *tree, const struct config_path *path,
				const struct config_place *at);

/* Takes the node out, and the maps that are empty then. Returns whether it was there. */
bool config_remove(struct config_node *tree, const struct config_path *path);

#endif
