#include "images/place.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/format/document.h"

static int take(const char *text, const char *option, uint64_t *out, struct error *err)
{
	struct span span = {.text = text, .size = strlen(text)};

	if (span_number(span, out) < 0)
		return error_set(err, -EINVAL, "--%s is a number of bytes, not \"%s\"", option,
				 text);
	return 0;
}

int place_find(int fd, const char *offset, const char *size, struct place *out, struct error *err)
{
	/* The end of a block device is found by seeking; fstat gives zero for it. */
	off_t end = lseek(fd, 0, SEEK_END);
	int r = 0;

	if (end < 0)
		return error_errno(err, "cannot tell how long it is");
	*out = (struct place){.offset = 0};
	if (offset)
		r = take(offset, "offset", &out->offset, err);
	if (r == 0 && out->offset > (uint64_t)end)
		r = error_set(err, -EINVAL, "it ends before byte %s", offset);
	if (r < 0)
		return r;
	out->size = (uint64_t)end - out->offset;
	if (!size)
		return 0;
	r = take(size, "size", &out->size, err);
	if (r == 0 && out->size > (uint64_t)end - out->offset)
		r = error_set(err, -EINVAL, "it ends before %s bytes from there", size);
	return r;
}
