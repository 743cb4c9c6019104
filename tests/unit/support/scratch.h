/* A test program's own folder, which is its working directory. */
#ifndef PROA_TESTS_UNIT_SUPPORT_SCRATCH_H
#define PROA_TESTS_UNIT_SUPPORT_SCRATCH_H

#include <stddef.h>

#include "lib/config/layers.h"

/* For cmocka's group: makes the folder with an empty conf/ in it; takes it away. */
int scratch_set_up(void **state);
int scratch_tear_down(void **state);

/* Writes a file; its content must be what is expected. */
void scratch_put(const char *name, const char *text);
void scratch_assert(const char *name, const char *text);

/* Loads `text` as the only file of a configuration, defaults included. */
void scratch_config(const char *text, struct config *out);

/* What a configuration says is wrong, a line each; the caller frees it. */
char *scratch_problems(const struct config *config);

#endif
