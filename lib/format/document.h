/*
 * Signed documents are lines of text: a first line that names type and format
 * ("proa-manifest 1"), so that one can never pass for another, then one entry
 * a line. This walks them; it allocates nothing and copies nothing.
 */
#ifndef PROA_LIB_FORMAT_DOCUMENT_H
#define PROA_LIB_FORMAT_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { DOCUMENT_LINES_MAX = 256 }; /* the first one included */

/* A piece of the text, borrowed: not ended by a NUL. */
struct span {
	const char *text;
	size_t size;
};

struct document {
	const char *name; /* for messages: "manifest" */
	const char *text;
	size_t size, at;
	unsigned int line; /* of the entry that was read last, from 1 */
};

/*
 * Starts on `size` bytes, which must be at most `limit`, hold no control
 * character but the line ends, end with one, and begin with the line `first`.
 * Returns 0, -EFBIG or -EBADMSG.
 */
int document_open(struct document *doc, const char *name, const char *first, const void *text,
		  size_t size, size_t limit, struct error *err);

/* The next line without its end. Returns 1, 0 at the end, or -EBADMSG (too many lines, empty). */
int document_next(struct document *doc, struct span *line, struct error *err);

/* The next line as KEY=VALUE; the key has one character or more. Returns as above. */
int document_next_pair(struct document *doc, struct span *key, struct span *value,
		       struct error *err);

/* Helpers on spans: equality with a string, and whole decimal numbers without sign or padding. */
int span_equals(struct span span, const char *text);
int span_number(struct span span, uint64_t *out);
/*
 * Texts that end up on consoles, in paths and in JSON: letters, digits and "._+~:-", one character
 * at the least; `room` counts the NUL. And exactly 2 * size lower-case hex digits. Both return 0
 * or -EINVAL.
 */
int span_word(struct span span, char *out, size_t room);
int span_hex(struct span span, uint8_t *out, size_t size);
/* Cuts what stands before `separator` off the front of `rest`. Returns 0 or -EINVAL. */
int span_cut(struct span *rest, char separator, struct span *front);

#endif
