/*
 * Detached signatures: docs/internals.md "The manifest". First line
 * `proa-signature 1`, then `KEYID BASE64` a line. No heap.
 */
#ifndef PROA_LIB_FORMAT_SIGNATURE_H
#define PROA_LIB_FORMAT_SIGNATURE_H

#include "lib/sign.h"

enum {
	SIGNATURES_MAX = 8,
	SIGNATURES_SIZE_MAX = 1024, /* bytes of a .sig file; eight need 865 */
};

struct signatures {
	struct {
		char id[SIGN_ID_SIZE];
		uint8_t bytes[SIGN_SIGNATURE_SIZE];
	} entries[SIGNATURES_MAX];
	size_t count; /* 0: nothing is signed yet */
};

/*
 * Reads a .sig file's bytes. A key may stand there more than once: while a signed document is
 * replaced, the file beside it has the signatures of both. Returns 0, -EFBIG or -EBADMSG.
 */
int signatures_parse(const void *text, size_t size, struct signatures *out, struct error *err);

/* Writes the file's text; `out` has room for SIGNATURES_SIZE_MAX. Returns its size. */
size_t signatures_render(const struct signatures *set, char out[SIGNATURES_SIZE_MAX]);

/* Adds a signature, in place of those by the same key. Returns 0 or -ENOSPC. */
int signatures_add(struct signatures *set, const char *id,
		   const uint8_t bytes[SIGN_SIGNATURE_SIZE]);

/* Adds all of another document's, by whatever keys, what is there once. Returns 0 or -ENOSPC. */
int signatures_join(struct signatures *set, const struct signatures *more);

/*
 * Looks for one signature over `data` by a key of `ring` that has `role`.
 *
 * what  for messages: "the manifest"
 * by    filled with the key that it was; may be NULL
 *
 * Returns 0; -ENOKEY where no signature is by such a key; -EKEYREJECTED where
 * one claims to be and is wrong (changed data, or a forged signature).
 */
int signatures_verify(const struct signatures *set, const struct keyring *ring, enum sign_role role,
		      const void *data, size_t size, const char *what, struct public_key *by,
		      struct error *err);

#endif
