/* Records of key=value lines: /run/proa/boot and /run/proa/status. */
#ifndef PROA_LIB_FIELDS_H
#define PROA_LIB_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { FIELDS_MAX = 64 << 10 };

struct fields {
	char *text; /* NUL behind each key and each value */
	size_t size;
};

/* Reads a file; lines without "=" are skipped. Returns 0 or a negative errno. */
int fields_read(const char *path, struct fields *out, struct error *err);

/* The same from memory, which is copied. */
int fields_parse(const char *text, size_t size, struct fields *out, struct error *err);

void fields_free(struct fields *fields);

/* The first value of `key`, borrowed, or NULL. */
const char *fields_get(const struct fields *fields, const char *key);

/* The same as a number; `otherwise` where it is missing or none. */
uint64_t fields_get_number(const struct fields *fields, const char *key, uint64_t otherwise);

/* Walks: *at starts as NULL. Returns the next key (and its value), or NULL at the end. */
const char *fields_next(const struct fields *fields, const char **at, const char **value);

static inline void cleanup_fields(struct fields *fields)
{
	fields_free(fields);
}
#define _cleanup_fields_ __attribute__((cleanup(cleanup_fields)))

#endif
