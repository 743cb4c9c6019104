/*
 * The root document, `N.root` beside `N.root.sig`: which keys are valid, and
 * for what (docs/internals.md "The manifest"). No heap.
 */
#ifndef PROA_LIB_FORMAT_ROOT_H
#define PROA_LIB_FORMAT_ROOT_H

#include "lib/format/signature.h"

enum { ROOT_SIZE_MAX = 4096 };

struct root {
	uint64_t number; /* 1 and up */
	struct keyring keys;
};

/* Reads the document's bytes, without looking at any signature. Returns 0, -EFBIG or -EBADMSG. */
int root_parse(const void *text, size_t size, struct root *out, struct error *err);

/* Writes the document's text. Returns 0 or -ENOSPC. */
int root_render(const struct root *root, char out[ROOT_SIZE_MAX], size_t *size, struct error *err);

/*
 * Parses and verifies: a `root` key of the document itself must have signed it,
 * and, where `previous` is not NULL, one of the document before it too, whose
 * number must be one less.
 */
int root_verify(const void *text, size_t size, const void *signature, size_t signature_size,
		const struct root *previous, struct root *out, struct error *err);

/* The same from the files `path` and `path`.sig. */
int root_load_after(const char *path, const struct root *previous, struct root *out,
		    struct error *err);

/* The same without a predecessor, for the root that a machine starts from. */
int root_load(const char *path, struct root *out, struct error *err);

#endif
