/*
 * Before a flip: which of people's checks and containers fail already? The service manager
 * knows them, and remembers what it finds for the release's health gate (docs/services.md
 * "Health gate").
 */
#ifndef PROA_UPGRADER_CHECKUP_H
#define PROA_UPGRADER_CHECKUP_H

#include <stdio.h>

#include "lib/format/manifest.h"
#include "upgrader/target.h"

/*
 * Has them looked at for this release, and waits; of a disk that does not run, nothing is done.
 * Where that fails it is warned of, and nothing is left out of the release's verdict.
 */
void checkup_take(const struct target *target, const char *command, const struct manifest *release);

#endif
