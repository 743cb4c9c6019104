/* write_files of the configuration. */
#ifndef PROA_INIT_SERVICES_FILES_H
#define PROA_INIT_SERVICES_FILES_H

#include "lib/config/layers.h"

enum { FILES_CONTENT_MAX = 16 << 20 }; /* bytes of one file, unpacked */

/*
 * Writes them all, in their order, each as a whole or not at all. One that holds what it is
 * to hold is left alone, and so is one to which that is to be added and that has it already.
 * What cannot be written is added to the problems, and stops no other.
 *
 * Returns 0 or -ENOMEM.
 */
int files_write(struct config *config);

#endif
