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

/*
 * Reads all of the slot on a block device (or in a file that holds nothing else), and checks it by
 * every key that ever counted: it was written when its own still did. The folders are roots_load's.
 * For one thread at a time.
 *
 * Returns 0, a negative errno of opening or reading, roots_load's answers, slot_verify_descriptor's
 * or slot_verify_tree's.
 */
int roots_verify_slot(const char *device, const char *image, const char *seen, struct error *err);

#endif
