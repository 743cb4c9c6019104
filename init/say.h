/*
 * What PID 1 says: one line a stage on every console that the kernel has, and
 * in the kernel's log, so that the boot record's last lines hold it too.
 */
#ifndef PROA_INIT_SAY_H
#define PROA_INIT_SAY_H

/* Opens the consoles; may be called again when /dev or /sys has come. */
void say_open(void);

/* "proa: SECONDS TEXT" (docs/internals.md "Console lines"). Never blocks, never fails. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
