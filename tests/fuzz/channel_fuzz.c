/* A channel: what is read is rendered, and reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct channel channel, again;
	char text[CHANNEL_SIZE_MAX];
	size_t text_size;

	if (channel_parse(bytes, size, &channel, NULL) < 0)
		return 0;
	if (channel_render(&channel, text, &text_size, NULL) == 0 &&
	    (channel_parse(text, text_size, &again, NULL) < 0 ||
	     memcmp(&channel, &again, sizeof(channel)) != 0))
		abort();
	return 0;
}
