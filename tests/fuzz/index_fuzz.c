/* The chunk index. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1); /* the index keeps it */
	struct index index = {0};

	memcpy(copy, bytes, size);
	if (index_parse(copy, size, &index, NULL) < 0)
		free(copy);
	else
		index_free(&index);
	return 0;
}
