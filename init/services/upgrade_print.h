/* Events of upgrades (lib/upgrades.h), as `proa status` and `proa history` tell people of them. */
#ifndef PROA_INIT_SERVICES_UPGRADE_PRINT_H
#define PROA_INIT_SERVICES_UPGRADE_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A sentence without its end; `bytes` adds what was fetched and what was reused. */
void upgrade_print(FILE *out, const json_t *event, bool bytes);

/* Its writing ends there: else what was fetched has been told before. */
bool upgrade_is_end(const json_t *event);

/* Seconds since 1970 as a local time; a clock that says what no clock would is not believed. */
void upgrade_print_time(FILE *out, json_int_t seconds);

#endif
