/* Folders by paths that others may change while we follow them. */
#ifndef PROA_LIB_FOLDER_H
#define PROA_LIB_FOLDER_H

#include "lib/error.h"

/*
 * Opens the folder `path`, which is absolute; what is missing of it is made (mode 0755). A
 * symbolic link in it counts only where it lies in a folder that nobody but root (or, without
 * root, the caller) can write to: somebody else's could lead us to files of root's.
 *
 * Returns the descriptor (O_RDONLY, O_CLOEXEC), -ELOOP at somebody else's link or too many of
 * them, -ENOTDIR where something else has the name, or another negative errno. `err` names the
 * part of the path.
 */
int folder_open(const char *path, struct error *err);

#endif
