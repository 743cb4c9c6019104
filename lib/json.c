#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* Bytes of the character that `at` begins with; 0 where that is no UTF-8. */
static size_t character(const char *at)
{
	size_t most = strnlen(at, 4);

	for (size_t size = 1; size <= most; size++) {
		json_t *one = json_stringn(at, size);

		if (!one)
			continue;
		json_decref(one);
		return size;
	}
	return 0;
}

json_t *json_text(const char *bytes)
{
	static const char unknown[] = "\xef\xbf\xbd";
	_cleanup_free_ char *text = malloc(strlen(bytes) * strlen(unknown) + 1);
	char *end = text;

	if (!text)
		return NULL;
	while (*bytes) {
		size_t size = character(bytes);

		end = size ? mempcpy(end, bytes, size) : stpcpy(end, unknown);
		bytes += size ? size : 1;
	}
	*end = '\0';
	return json_string(text);
}
