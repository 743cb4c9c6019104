/*
 * Console lines: "proa: SECONDS TEXT", seconds since the kernel started, to
 * the kernel's console (docs/internals.md "Console lines"). Used by PID 1 and
 * by the service manager; needs no allocation.
 */
#ifndef PROA_LIB_CONSOLE_H
#define PROA_LIB_CONSOLE_H

#include <stdint.h>

/* Milliseconds since the kernel started (CLOCK_BOOTTIME). */
uint64_t console_now_ms(void);

/* Writes one line to `fd`. Returns 0 or a negative errno, which most callers ignore. */
int console_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
