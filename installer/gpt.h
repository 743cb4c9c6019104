/*
 * Partition types in a GPT. libparted sets them from version 3.6 on only, and
 * Proa is built with 3.5 as well (Debian 12).
 */
#ifndef PROA_INSTALLER_GPT_H
#define PROA_INSTALLER_GPT_H

#include "installer/plan.h"

/*
 * Puts the plan's type GUIDs into both copies of the table on `fd`, backup
 * first, and syncs. Returns 0, -EBADMSG where a copy is not whole, or the errno
 * of a read or write.
 */
int gpt_set_types(int fd, const struct plan *plan, struct error *err);

#endif
