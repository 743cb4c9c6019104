/* What the commands share that ask the running service manager. */
#ifndef PROA_INIT_SERVICES_COMMAND_MANAGER_H
#define PROA_INIT_SERVICES_COMMAND_MANAGER_H

#include <stddef.h>

/*
 * Sends one request line (docs/internals.md "Run time"); what goes wrong is printed, with the
 * command's name before it.
 *
 * answer  filled with what stands behind "ok "; may be NULL
 *
 * Returns an exit code.
 */
int command_ask_manager(const char *command, const char *line, char *answer, size_t size);

#endif
