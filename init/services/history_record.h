/* A record of the boot log ring (bootloader/bootlog.h) as the history's line of it would be. */
#ifndef PROA_INIT_SERVICES_HISTORY_RECORD_H
#define PROA_INIT_SERVICES_HISTORY_RECORD_H

#include "init/services/history_file.h"

/* `out` borrows its texts from `text` and from the record, which is changed. */
void history_from_record(struct bootlog_record *record, char text[HISTORY_TEXT_MAX + 1],
			 struct history_boot *out);

#endif
