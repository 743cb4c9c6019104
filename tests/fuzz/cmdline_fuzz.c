/* The kernel command line, and the records of key=value lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/boot/cmdline.h"
#include "lib/cleanup.h"
#include "lib/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_free_ char *line = strndup((const char *)bytes, size);
	_cleanup_fields_ struct fields fields = {0};
	struct cmdline cmdline;

	(void)cmdline_parse(line, &cmdline, NULL);
	if (fields_parse((const char *)bytes, size, &fields, NULL) == 0)
		(void)fields_get(&fields, "a");
	return 0;
}
