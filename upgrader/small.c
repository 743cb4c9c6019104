#include "upgrader/small.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

int small_fetch(const struct fetch_options *options, char *out, size_t limit, size_t *size,
		struct error *err)
{
	const struct fetch_range all = {0, FETCH_TO_END};
	struct fetch_options bounded = *options;
	_cleanup_free_ char *buffer = malloc(limit + 1);
	struct fetch *fetch;
	ssize_t n;
	int r;

	if (!buffer)
		return error_oom(err);
	bounded.most = limit;
	r = fetch_start(&bounded, &all, 1, &fetch, err);
	if (r < 0)
		return r;
	n = io_read_full(fetch_fd(fetch), buffer, limit + 1);
	r = fetch_stop(fetch, NULL, err);
	if (r < 0)
		return r;
	if (n < 0)
		return error_set(err, (int)n, "cannot read the pipe: %s", strerror((int)-n));
	if ((size_t)n > limit)
		return error_set(err, -EFBIG, "%s is longer than %zu bytes", options->url, limit);
	memcpy(out, buffer, (size_t)n);
	*size = (size_t)n;
	return 0;
}

int small_fetch_signature(const struct fetch_options *options, char *out, size_t limit,
			  size_t *size, struct error *err)
{
	int path = (int)strcspn(options->url, "?#");
	_cleanup_free_ char *url = NULL;
	struct fetch_options beside = *options;

	if (asprintf(&url, "%.*s.sig%s", path, options->url, options->url + path) < 0) {
		url = NULL;
		return error_oom(err);
	}
	beside.url = url;
	return small_fetch(&beside, out, limit, size, err);
}
