/*
 * Errors: a negative errno for the caller, a sentence for the person.
 *
 * A function that can fail returns 0 or a negative errno and takes
 * `struct error *err` last. The message says what was being done, on what,
 * and what to do about it; callers put their own context in front.
 * `err` may be NULL wherever a caller does not want the sentence.
 */
#ifndef PROA_LIB_ERROR_H
#define PROA_LIB_ERROR_H

#include <stddef.h>

enum { ERROR_MESSAGE_SIZE = 1024 };

struct error {
	int code; /* negative errno, 0 while nothing failed */
	char message[ERROR_MESSAGE_SIZE];
};

#define ERROR_INIT {.code = 0, .message = ""}

/* Sets the message; returns `code` (a negative errno). */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets the message with ": strerror(errno)" behind it; returns -errno (never 0). */
int error_errno(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the message that is there; returns `code`. */
int error_wrap(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Out of memory, in the same words everywhere; returns -ENOMEM. */
int error_oom(struct error *err);

#endif
