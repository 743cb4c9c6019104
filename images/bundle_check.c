#include "images/bundle_check.h"

#include "images/stream.h"
#include "lib/cleanup.h"

int bundle_check(int fd, const struct keyring *ring, struct bundle **out, struct error *err)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	struct stream stream;
	const uint8_t *data;
	uint64_t offset;
	size_t size;
	int r = bundle_open(fd, ring, &bundle, err);

	if (r < 0)
		return r;
	r = stream_start(&stream, &bundle_head(bundle)->manifest, err);
	while (r >= 0 && (r = bundle_next(bundle, &data, &size, &offset, err)) > 0)
		r = stream_feed(&stream, data, size, err);
	if (r == 0)
		r = stream_finish(&stream, err);
	stream_end(&stream);
	if (r == 0)
		*out = ptr_take(bundle);
	return r;
}
