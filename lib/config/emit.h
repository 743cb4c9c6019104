/* A tree as YAML, or as a list of its values with where each came from. */
#ifndef PROA_LIB_CONFIG_EMIT_H
#define PROA_LIB_CONFIG_EMIT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/config/tree.h"

enum config_secrets { CONFIG_MASK_SECRETS, CONFIG_SHOW_SECRETS };

/*
 * Prints the tree as YAML that reads back as the same tree. Secrets (by the schema, for a
 * tree whose top is the configuration's) are masked unless they are to be shown.
 * Returns 0 or -ENOMEM; whether `out` took it, its owner sees.
 */
int config_emit(FILE *out, const struct config_node *tree, enum config_secrets secrets);

/* Prints "KEY: VALUE  # PLACE", a line a text. Returns 0 or -ENOMEM. */
int config_emit_places(FILE *out, const struct config_node *tree, enum config_secrets secrets);

#endif
