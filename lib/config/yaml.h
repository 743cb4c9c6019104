/*
 * YAML into a tree, by libyaml (YAML 1.1): one document with keys at its top.
 */
#ifndef PROA_LIB_CONFIG_YAML_H
#define PROA_LIB_CONFIG_YAML_H

#include "lib/config/tree.h"

enum {
	CONFIG_FILE_MAX = 1 << 20,     /* bytes of a file; a cloud's user data is 16 to 64 KiB */
	CONFIG_NODES_MAX = 200 * 1000, /* values in a tree, what aliases repeat included */
};

/* What is returned where a text was read in part only. */
#define CONFIG_CUT 1

/*
 * Reads `size` bytes of `text`; `out` must be empty.
 *
 * source    the file's name: places in tree and problems point to it, so it outlives both
 * problems  gets what is wrong: no YAML, a key that stands twice, a text with a NUL …
 *
 * Returns 0, also where problems were found: `out` then holds what was understood (an empty
 * map for an empty file), and what is wrong is marked in it. CONFIG_CUT: reading ended where
 * the text is no YAML any more. -ENOMEM: nothing of it may be used.
 */
int config_read_yaml(const char *source, const char *text, size_t size, struct config_node *out,
		     struct config_problems *problems);

/* The same, but any value may stand at the top; CONFIG_NOTHING where none does. */
int config_read_value(const char *source, const char *text, size_t size, struct config_node *out,
		      struct config_problems *problems);

/* Whether YAML takes a text without quotes for nothing: "", "~", "null". */
bool config_is_null(const char *text);

#endif
