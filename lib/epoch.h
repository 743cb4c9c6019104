/*
 * The least epoch that may be installed, as the state partition remembers it: /var/lib/proa/epoch,
 * a line `epoch=N`. A slot's descriptor has it, too, but slots are written over, and lose
 * their good name when they fail.
 */
#ifndef PROA_LIB_EPOCH_H
#define PROA_LIB_EPOCH_H

#include <stdint.h>

#include "lib/error.h"

/* What the file holds; 0 where there is none, or nothing that can be read in it. */
uint64_t epoch_seen(const char *path);

/* Raises it, never lowers it. Returns 0 or a negative errno. */
int epoch_remember(const char *path, uint64_t epoch, struct error *err);

#endif
