/* The services file. */
#include <stdint.h>

#include "init/services/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct services_file file = {0};

	if (services_file_parse((const char *)bytes, size, "f", &file, NULL) == 0)
		services_file_free(&file);
	return 0;
}
