#include "lib/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

int fields_parse(const char *text, size_t size, struct fields *out, struct error *err)
{
	struct fields fields = {.text = malloc(size + 2)};
	const char *end = text + size;

	if (!fields.text)
		return error_oom(err);
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((stop ? stop : end) - text);
		char *equals;

		/* A NUL in a line would make two entries of it. */
		if (memchr(text, '=', length) && !memchr(text, '\0', length)) {
			memcpy(fields.text + fields.size, text, length);
			equals = memchr(fields.text + fields.size, '=', length);
			*equals = '\0';
			fields.text[fields.size + length] = '\0';
			fields.size += length + 1;
		}
		text += length + 1;
	}
	*out = fields;
	return 0;
}

int fields_read(const char *path, struct fields *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = io_read_file(path, FIELDS_MAX, &text, &size, err);

	return r < 0 ? r : fields_parse(text, size, out, err);
}

void fields_free(struct fields *fields)
{
	free(fields->text);
	*fields = (struct fields){0};
}

const char *fields_next(const struct fields *fields, const char **at, const char **value)
{
	const char *key;

	if (!*at)
		*at = fields->text;
	if (!*at || *at >= fields->text + fields->size)
		return NULL;
	key = *at;
	*value = key + strlen(key) + 1;
	*at = *value + strlen(*value) + 1;
	return key;
}

const char *fields_get(const struct fields *fields, const char *key)
{
	const char *at = NULL, *value, *found;

	while ((found = fields_next(fields, &at, &value)))
		if (strcmp(found, key) == 0)
			return value;
	return NULL;
}

uint64_t fields_get_number(const struct fields *fields, const char *key, uint64_t otherwise)
{
	const char *value = fields_get(fields, key);
	char *end;
	uint64_t number;

	if (!value || *value < '0' || *value > '9')
		return otherwise;
	errno = 0;
	number = strtoull(value, &end, 10);
	return errno || *end ? otherwise : number;
}
