/* Which keys an installation trusts. */
#ifndef PROA_INSTALLER_TRUST_H
#define PROA_INSTALLER_TRUST_H

#include "lib/options.h"
#include "lib/sign.h"

#define TRUST_FOLDER  "/etc/proa/keys"            /* N.root beside N.root.sig */
#define TRUST_RUNNING "/usr/lib/proa/keys/1.root" /* of a running Proa */

struct trust {
	struct keyring ring;
	uint64_t root_number; /* the highest of the root documents; 0: PEM keys alone */
};

/*
 * Reads the named files (PEM public keys, root documents); where none is named,
 * the root documents of this machine.
 *
 * Returns 0; -ENOKEY where there is no key at all, with how to give one; or
 * what keyfile_add answers.
 */
int trust_load(const struct option_list *files, struct trust *out, struct error *err);

#endif
