/*
 * Folders of root documents, N.root beside N.root.sig: those of an image, and those that its
 * machine has accepted since. No heap of our own: PID 1 reads them, too.
 */
#ifndef PROA_LIB_FORMAT_ROOTS_H
#define PROA_LIB_FORMAT_ROOTS_H

#include "lib/format/root.h"

#define ROOTS_IMAGE                                                                                \
	"/usr/lib/proa/keys"            /* of the running slot: all that its publisher had made    \
					 */
#define ROOTS_SEEN "/var/lib/proa/keys" /* later ones, each verified by the one before it */

enum { ROOTS_FORMER_MAX = 64 }; /* so far back documents are looked for */

struct roots {
	struct root newest;    /* in force: of what is new, its keys alone may have signed it */
	struct keyring former; /* the release keys of all: they may have signed what is there */
};

/*
 * Adds the document's release keys to those that count for slots that were written already. Where
 * there is no room, the one that was added first goes.
 */
void roots_add_former(struct keyring *former, const struct root *root);

/*
 * Reads the document with the highest number in its name. Returns 0, -ENOENT where the folder has
 * none, or root_load's answers.
 */
int roots_newest(const char *folder, struct root *out, struct error *err);

/*
 * Reads an image's documents, which its signature vouches for, then the ones that follow on its
 * newest in `seen` as far as each is signed by the one before it; what is not is left out.
 *
 * Returns 0, or roots_newest's answers for `image`.
 */
int roots_load(const char *image, const char *seen, struct roots *out, struct error *err);

#endif
