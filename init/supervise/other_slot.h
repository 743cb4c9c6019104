/* Reads the other slot as a whole, in a process of its own. */
#ifndef PROA_INIT_SUPERVISE_OTHER_SLOT_H
#define PROA_INIT_SUPERVISE_OTHER_SLOT_H

#include <stdbool.h>

#include "init/facts.h"

/* Calls `done` from the loop, when it is known whether descriptor and tree verify. */
void other_slot_verify(const struct facts *facts, void (*done)(void *context, bool verifies),
		       void *context);

#endif
