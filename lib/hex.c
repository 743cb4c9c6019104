#include "lib/hex.h"

#include <errno.h>
#include <string.h>

static const char DIGITS[] = "0123456789abcdef";

void hex_encode(const uint8_t *data, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++) {
		*out++ = DIGITS[data[i] >> 4];
		*out++ = DIGITS[data[i] & 15];
	}
	*out = '\0';
}

static int digit(char c)
{
	const char *found = c ? strchr(DIGITS, c) : NULL;

	return found ? (int)(found - DIGITS) : -1;
}

int hex_decode(const char *text, uint8_t *out, size_t size)
{
	if (strlen(text) != size * 2)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
