/* Records of key=value lines: the mark of Docker's data, and what PID 1 writes of the boot. */
#include <stdlib.h>
#include <string.h>

#include "lib/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_fields_ struct fields fields = {0};
	const char *at = NULL, *key, *value;
	size_t total = 0;

	if (fields_parse((const char *)bytes, size, &fields, NULL) < 0)
		return 0;
	while ((key = fields_next(&fields, &at, &value))) {
		total += strlen(key) + strlen(value) + 1;
		if (total > size || strpbrk(key, "=\n") || strchr(value, '\n') ||
		    !fields_get(&fields, key))
			abort();
		(void)fields_get_number(&fields, key, 0);
	}
	return 0;
}
