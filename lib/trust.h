/* Which keys an installation trusts. */
#ifndef PROA_LIB_TRUST_H
#define PROA_LIB_TRUST_H

#include "lib/options.h"
#include "lib/sign.h"

#define TRUST_FOLDER  "/etc/proa/keys"            /* N.root beside N.root.sig */
#define TRUST_RUNNING "/usr/lib/proa/keys/1.root" /* of a running Proa */

struct trust {
	struct keyring ring;
	uint64_t root_number; /* the highest of the root documents; 0: PEM keys alone */
};

/*
 * Reads the named files (PEM public keys, root documents), which are trusted
 * together; where none is named, this machine's root document.
 *
 * Returns 0; -ENOKEY where there is no key at all, with how to give one; or
 * what keyfile_add answers.
 */
int trust_load(const struct option_list *files, struct trust *out, struct error *err);

/*
 * Adds the root document with the highest number of a folder's *.root, as stage 1
 * does with an image's. Returns 0, also where there is none, or a negative errno.
 */
int trust_load_folder(const char *folder, struct trust *out, struct error *err);

#endif
