/* The slot descriptor, short inputs filled up with zeros. */
#include <stdint.h>
#include <string.h>

#include "lib/format/descriptor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint8_t whole[DESCRIPTOR_SIZE];
	static struct descriptor descriptor;

	memset(whole, 0, sizeof(whole));
	memcpy(whole, bytes, size < sizeof(whole) ? size : sizeof(whole));
	(void)descriptor_parse(whole, &descriptor, NULL);
	return 0;
}
