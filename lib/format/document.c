#include "lib/format/document.h"

#include <errno.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/hex.h"

int document_open(struct document *doc, const char *name, const char *first, const void *text,
		  size_t size, size_t limit, struct error *err)
{
	const char *bytes = text;
	struct span line;
	int r;

	if (size > limit)
		return error_set(err, -EFBIG, "the %s is %zu bytes long; the limit is %zu", name,
				 size, limit);
	if (size == 0 || bytes[size - 1] != '\n')
		return error_set(err, -EBADMSG, "the %s is cut off: its last line has no end",
				 name);
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)bytes[i] < ' ' && bytes[i] != '\n') || bytes[i] == 0x7f)
			return error_set(err, -EBADMSG,
					 "the %s holds a control character at byte %zu", name, i);
	*doc = (struct document){.name = name, .text = bytes, .size = size};
	r = document_next(doc, &line, err);
	if (r < 0)
		return r;
	if (!span_equals(line, first))
		return error_set(err, -EBADMSG, "this is no %s: its first line is not \"%s\"",
				 name, first);
	return 0;
}

int document_next(struct document *doc, struct span *line, struct error *err)
{
	const char *start = doc->text + doc->at, *end;

	if (doc->at == doc->size)
		return 0;
	if (++doc->line > DOCUMENT_LINES_MAX)
		return error_set(err, -EBADMSG, "the %s has more than %d lines", doc->name,
				 DOCUMENT_LINES_MAX);
	/* document_open saw to it that the last byte is a line end. */
	end = memchr(start, '\n', doc->size - doc->at);
	*line = (struct span){.text = start, .size = (size_t)(end - start)};
	doc->at += line->size + 1;
	if (line->size == 0)
		return error_set(err, -EBADMSG, "line %u of the %s is empty", doc->line,
				 doc->name);
	return 1;
}

int document_next_pair(struct document *doc, struct span *key, struct span *value,
		       struct error *err)
{
	int r = document_next(doc, value, err);

	if (r <= 0)
		return r;
	if (span_cut(value, '=', key) < 0 || key->size == 0)
		return error_set(err, -EBADMSG, "line %u of the %s is not KEY=VALUE", doc->line,
				 doc->name);
	return 1;
}

int span_equals(struct span span, const char *text)
{
	return strlen(text) == span.size && memcmp(text, span.text, span.size) == 0;
}

int span_number(struct span span, uint64_t *out)
{
	uint64_t value = 0;

	if (span.size == 0 || (span.size > 1 && span.text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < span.size; i++) {
		char c = span.text[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
			return -EINVAL;
	}
	*out = value;
	return 0;
}

int span_word(struct span span, char *out, size_t room)
{
	if (span.size == 0 || span.size >= room)
		return -EINVAL;
	for (size_t i = 0; i < span.size; i++) {
		char c = span.text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c && strchr("._+~:-", c)))
			return -EINVAL;
	}
	memcpy(out, span.text, span.size);
	out[span.size] = '\0';
	return 0;
}

int span_hex(struct span span, uint8_t *out, size_t size)
{
	char text[HASH_HEX_SIZE] = "";

	if (span.size != 2 * size || span.size >= sizeof(text))
		return -EINVAL;
	memcpy(text, span.text, span.size);
	return hex_decode(text, out, size);
}

int span_cut(struct span *rest, char separator, struct span *front)
{
	const char *found = memchr(rest->text, separator, rest->size);

	if (!found)
		return -EINVAL;
	*front = (struct span){.text = rest->text, .size = (size_t)(found - rest->text)};
	rest->text = found + 1;
	rest->size -= front->size + 1;
	return 0;
}
