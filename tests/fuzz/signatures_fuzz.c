/* A .sig file, and a root document. */
#include <stdint.h>

#include "lib/format/root.h"
#include "lib/format/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct signatures signatures;
	struct root root;

	(void)signatures_parse(bytes, size, &signatures, NULL);
	(void)root_parse(bytes, size, &root, NULL);
	return 0;
}
