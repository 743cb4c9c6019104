/* Signing with private keys that lie in files. */
#ifndef PROA_IMAGES_SIGNER_H
#define PROA_IMAGES_SIGNER_H

#include "lib/format/signature.h"
#include "lib/options.h"

/* Adds a signature over `data` by every key file of the list. */
int signer_sign(const struct option_list *key_files, const void *data, size_t size,
		struct signatures *out, struct error *err);

/* Writes a document, and its signatures beside it in `path`.sig; each is replaced as a whole. */
int signer_save(const char *path, const char *text, size_t size, const struct signatures *set,
		struct error *err);

/* The signatures alone. */
int signer_save_signatures(const char *path, const struct signatures *set, struct error *err);

#endif
