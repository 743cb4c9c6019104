/*
 * The kernel's uevents, by netlink (lib/kobject_uevent.c in the kernel): new
 * devices are waited for, not polled for.
 */
#ifndef PROA_INIT_BOOT_UEVENT_H
#define PROA_INIT_BOOT_UEVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

enum { UEVENT_SIZE = 8192 }; /* the kernel sends at most 2 KiB of variables */

/* Borrowed from the message's buffer; "" where the message has no such variable. */
struct uevent {
	const char *action, *subsystem, *modalias;
};

/*
 * Reads a message of the kernel, "ACTION@DEVPATH" and then VARIABLE=VALUE, each
 * ended by NUL; `message[size]` must be NUL. Returns 0 or -EBADMSG.
 */
int uevent_parse(const char *message, size_t size, struct uevent *out);

/* Opens the socket, non-blocking. Returns the descriptor or a negative errno. */
int uevent_open(struct error *err);

/*
 * Takes the next message of the kernel itself (no process may pose as it).
 * Returns 1, 0 when there is none, or a negative errno; -ENOBUFS: some were lost.
 */
int uevent_next(int fd, char buffer[UEVENT_SIZE + 1], struct uevent *out);

#endif
