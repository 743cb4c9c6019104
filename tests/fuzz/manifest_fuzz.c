/* A manifest: what is read is rendered, and reads back. */
#include <stdint.h>
#include <stdlib.h>

#include "lib/format/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct manifest manifest, again;
	char text[MANIFEST_SIZE_MAX];
	size_t text_size;

	if (manifest_parse(bytes, size, &manifest, NULL) < 0)
		return 0;
	(void)manifest_check_target(&manifest, NULL);
	if (manifest_render(&manifest, text, &text_size, NULL) == 0 &&
	    manifest_parse(text, text_size, &again, NULL) < 0)
		abort();
	return 0;
}
