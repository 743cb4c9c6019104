#include "lib/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char letters[] = "KMGTPE";

int size_parse(const char *text, uint64_t *bytes)
{
	const char *at = text;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return -ERANGE;
	if (*at) {
		const char *letter = memchr(letters, toupper((unsigned char)*at), 4);
		unsigned int shift;

		if (!letter)
			return -EINVAL;
		at++;
		if (*at && strcmp(at, "iB") != 0)
			return -EINVAL;
		shift = 10 * (unsigned int)(letter - letters + 1);
		if (value > UINT64_MAX >> shift)
			return -ERANGE;
		value <<= shift;
	}
	if (value > INT64_MAX)
		return -ERANGE;
	*bytes = value;
	return 0;
}

const char *size_text(uint64_t bytes, char out[SIZE_TEXT_SIZE])
{
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(out, SIZE_TEXT_SIZE, "%u B", (unsigned int)bytes);
		return out;
	}
	/* 1023.95 would round to "1024.0" of the smaller unit. */
	for (value /= 1024; value >= 1023.95 && letters[unit + 1]; unit++)
		value /= 1024;
	snprintf(out, SIZE_TEXT_SIZE, "%.1f %ciB", value, letters[unit]);
	return out;
}
