/* Which keys an installation trusts. */
#ifndef PROA_LIB_TRUST_H
#define PROA_LIB_TRUST_H

#include "lib/format/roots.h"
#include "lib/options.h"

#define TRUST_FOLDER "/etc/proa/keys" /* N.root beside N.root.sig */

struct trust {
	struct keyring ring;   /* what is new counts where one of these signed it */
	struct keyring former; /* what is written already also where one of these did */
	struct root root;      /* the root document in force; number 0: PEM keys alone */
	struct keyring beside; /* keys that a person named, and that no document revokes */
	bool of_machine;       /* the running machine's own, with what it has learned since */
};

/*
 * Reads the named files (PEM public keys, root documents), which are trusted
 * together; where none is named, this machine's root documents. Of several documents the one with
 * the highest number is in force.
 *
 * Returns 0; -ENOKEY where there is no key at all, with how to give one; or
 * what keyfile_add answers.
 */
int trust_load(const struct option_list *files, struct trust *out, struct error *err);

/*
 * Adds a folder's *.root, whatever their numbers' order is. Returns 0, also where there is none,
 * or a negative errno.
 */
int trust_load_folder(const char *folder, struct trust *out, struct error *err);

/*
 * Puts the document that follows on the one in force in its place. Keys that it does not list sign
 * nothing new from now on. Returns 0, or root_verify's answers; then all is as before.
 */
int trust_follow(struct trust *trust, const void *text, size_t size, const void *signature,
		 size_t signature_size, struct error *err);

/* May the release key still sign what is new? */
bool trust_is_in_force(const struct trust *trust, const struct public_key *key);

#endif
