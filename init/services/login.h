/*
 * Who may log in, and how: the user proa's password, its keys, what the SSH server and the
 * consoles ask for. The system's /etc is read-only, and leads here (images/rootfs/tree).
 */
#ifndef PROA_INIT_SERVICES_LOGIN_H
#define PROA_INIT_SERVICES_LOGIN_H

#include <stdbool.h>

#include "lib/config/layers.h"

/* Where files are read and written; the machine's own but in tests. */
struct login_paths {
	const char *template; /* the image's shadow: nobody has a password */
	const char *folder;   /* gets shadow, sudoers, authorized_keys, sshd.conf, console */
	const char *issue;    /* what a console says before it asks */
};

extern const struct login_paths login_of_this_machine;

/*
 * Writes all of it. What is wrong is added to the configuration's problems, at its place.
 *
 * rescue  the state partition is missing, and the configuration with it: the consoles ask for
 *         nothing, or nobody could mend the machine
 *
 * Returns 0 or -ENOMEM.
 */
int login_apply(struct config *config, bool rescue, const struct login_paths *paths);

#endif
