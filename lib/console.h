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

/* Writes one line to `fd` (opened once, /dev/console; a failed write is ignored). */
void console_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
