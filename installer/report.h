/* What `proa install` tells at its end, for people and as JSON. */
#ifndef PROA_INSTALLER_REPORT_H
#define PROA_INSTALLER_REPORT_H

#include "installer/install.h"

/* After a dry run `install->touched` is false, and so says the report. */
void report_people(FILE *out, const struct install *install, const char *efi_entry);

/*
 * Returns 0, -ENOMEM, or -EIO where `out` does not take it. `efi_entry` may be NULL: none was
 * made. Bytes that are no UTF-8 are shown as U+FFFD, here and below.
 */
int report_json(FILE *out, const struct install *install, const char *efi_entry, double seconds);

/* {"result":"failed","exit":14,"error":"…"} */
int report_json_failure(FILE *out, int exit_code, const char *message, bool touched);

#endif
