/* A root document: what is read is rendered, and reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct root root, again;
	char text[ROOT_SIZE_MAX];
	size_t text_size;

	if (root_parse(bytes, size, &root, NULL) < 0)
		return 0;
	if (root_render(&root, text, &text_size, NULL) == 0 &&
	    (root_parse(text, text_size, &again, NULL) < 0 ||
	     memcmp(&root, &again, sizeof(root)) != 0))
		abort();
	return 0;
}
