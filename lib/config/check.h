/*
 * A tree against the schema.
 */
#ifndef PROA_LIB_CONFIG_CHECK_H
#define PROA_LIB_CONFIG_CHECK_H

#include "lib/config/tree.h"

enum { CONFIG_PATH_SIZE = 512 };

/* What is said of keys that are checked only (CONFIG_LATER). */
#define CONFIG_LATER_WORDS "is checked, and has no effect in this version yet"

/*
 * Gives the section `rancher` its name here, `proa`. Both in one file: a problem.
 * Returns 0 or -ENOMEM.
 */
int config_rename(struct config_node *tree, struct config_problems *problems);

/*
 * Adds all that the schema has against the tree (renamed before): unknown keys, values of
 * another kind, what is missing, what has no effect. What is in error is marked as bad.
 * Returns 0 or -ENOMEM.
 */
int config_check(struct config_node *tree, struct config_problems *problems);

#endif
