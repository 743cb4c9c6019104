/* Keys that a person names: `--key FILE`, a PEM public key or a root document. */
#ifndef PROA_LIB_FORMAT_KEYFILE_H
#define PROA_LIB_FORMAT_KEYFILE_H

#include "lib/sign.h"

/*
 * Adds what `path` holds: a PEM public key counts as a release key; a root
 * document (with its .sig beside it, checked) brings the keys that it lists.
 */
int keyfile_add(const char *path, struct keyring *ring, struct error *err);

#endif
