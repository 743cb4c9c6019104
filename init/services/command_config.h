/* The commands of `proa config`, beside those that command_config.c holds itself. */
#ifndef PROA_INIT_SERVICES_COMMAND_CONFIG_H
#define PROA_INIT_SERVICES_COMMAND_CONFIG_H

#include <stddef.h>

#include "lib/error.h"

/*
 * Reads the file that a person named; "-" is standard input. *name: what messages call it.
 * The caller frees *text. Returns 0 or a negative errno.
 */
int command_config_read(const char *path, const char **name, char **text, size_t *size,
			struct error *err);

/* Returns 0, or -ENOENT: this machine does not run Proa, and has no configuration. */
int command_config_here(struct error *err);

int command_config_apply(int argc, char **argv); /* command_manager.c */
int command_config_get(int argc, char **argv);
int command_config_export(int argc, char **argv);

int command_config_set(int argc, char **argv);
int command_config_unset(int argc, char **argv);
int command_config_merge(int argc, char **argv);

#endif
