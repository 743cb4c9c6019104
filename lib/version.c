#include "lib/version.h"

#include <stdio.h>
#include <string.h>

#include "lib/format/manifest.h"

int version_compare(const char *one, const char *other)
{
	size_t length = strcspn(one, "~"), other_length = strcspn(other, "~");
	char base[MANIFEST_TEXT_SIZE], other_base[MANIFEST_TEXT_SIZE];
	int order;

	snprintf(base, sizeof(base), "%.*s", (int)length, one);
	snprintf(other_base, sizeof(other_base), "%.*s", (int)other_length, other);
	order = strverscmp(base, other_base);
	if (order != 0 || (!one[length] && !other[other_length]))
		return order;
	if (!one[length] || !other[other_length])
		return one[length] ? -1 : 1;
	return strverscmp(one + length, other + other_length);
}
