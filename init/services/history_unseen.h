/*
 * Boots that left no record, since they never reached init: GRUB takes an attempt off the
 * flip block before each boot, and the blocks of two boots that do have a record tell how
 * many it took in between (DESIGN §3). Pure.
 */
#ifndef PROA_INIT_SERVICES_HISTORY_UNSEEN_H
#define PROA_INIT_SERVICES_HISTORY_UNSEEN_H

#include "init/services/history_file.h"

/*
 * At least so many boots of the slot `*slot` lie between two that follow each other in the
 * ring; 0 where the blocks do not prove any.
 */
unsigned history_unseen(const struct history_boot *before, const struct history_boot *after,
			char *slot);

#endif
