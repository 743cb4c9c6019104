/* Shows what an installation will destroy. */
#ifndef PROA_INSTALLER_CONFIRM_H
#define PROA_INSTALLER_CONFIRM_H

#include <stdio.h>

#include "installer/content.h"
#include "installer/plan.h"
#include "lib/blockdev.h"
#include "lib/format/manifest.h"

/* The disk: model, size, what it holds now. */
void confirm_show_disk(FILE *out, const struct blockdev *disk, const struct content *content);

/* The plan: what will be on it. */
void confirm_show_plan(FILE *out, const struct plan *plan, const struct manifest *manifest);

#endif
