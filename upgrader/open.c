#include "upgrader/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* Manifest, signatures and index, and what tar needs around them. */
enum { HEAD_MAX = INDEX_SIZE_MAX + (64 << 10) };

void open_end(struct opened *opened)
{
	bundle_close(opened->bundle);
	for (size_t i = 0; i < opened->url_count; i++)
		free(opened->urls[i]);
	cleanup_fd(&opened->fd);
}

/* What is not there cannot be fetched: found out before anything is erased for it. */
static int check_length(const struct bundle *bundle, const struct channel_release *release,
			uint64_t total, struct error *err)
{
	uint64_t least = bundle_data_offset(bundle) + bundle_head(bundle)->manifest.data_size;

	if (total == 0) /* the server did not say */
		return 0;
	if (release && total != release->bundle_size)
		return error_set(err, -EBADMSG,
				 "it has %llu bytes on the server, and %llu by the channel; is "
				 "it still being copied there?",
				 (unsigned long long)total,
				 (unsigned long long)release->bundle_size);
	return total >= least ? 0
			      : error_set(err, -EBADMSG,
					  "it is cut off: the server has %llu of %llu bytes",
					  (unsigned long long)total, (unsigned long long)least);
}

/* From a server only what stands before the data; the rest is fetched as it is needed. */
static int open_url(const struct fetch_options *options, const struct keyring *ring,
		    struct opened *out, uint64_t *total, struct error *err)
{
	const struct fetch_range all = {0, FETCH_TO_END};
	struct fetch_options bounded = *options;
	struct fetch_result result = {0};
	struct error network = ERROR_INIT;
	struct fetch *fetch;
	int r, fetch_result;

	bounded.most = HEAD_MAX;
	r = fetch_start(&bounded, &all, 1, &fetch, err);
	if (r < 0)
		return r;
	r = bundle_open(fetch_fd(fetch), ring, &out->bundle, err);
	fetch_result = fetch_stop(fetch, &result, &network);
	*total = result.total;
	out->fetched += result.received;
	/* What never came is no damaged bundle. */
	if (r < 0 && fetch_result < 0)
		return error_set(err, fetch_result, "%s", network.message);
	return r;
}

static int open_file(const char *path, const struct keyring *ring, struct opened *out,
		     struct error *err)
{
	int r;

	out->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (out->fd >= 0)
		return bundle_open(out->fd, ring, &out->bundle, err);
	r = error_errno(err, "cannot open it");
	return r == -EPERM ? -EACCES : r; /* no rule refuses it */
}

/* Another release in its place is refused, however well it is signed. */
static int is_that_one(const struct bundle *bundle, const struct channel_release *release,
		       struct error *err)
{
	const struct bundle_head *head = bundle_head(bundle);
	uint8_t digest[HASH_SIZE];
	int r = hash_bytes(head->manifest_text, head->manifest_size, digest);

	if (r < 0)
		return error_set(err, r, "OpenSSL could not hash the manifest");
	if (memcmp(digest, release->manifest_sha256, HASH_SIZE) == 0)
		return 0;
	return error_set(err, -EBADMSG, "it is not the %s that the channel names, but another %s",
			 release->version, head->manifest.version);
}

/* Beside each address of the channel, first of the one that showed it; or that of the bundle. */
static int name_addresses(const struct open_request *request, const struct source *source,
			  struct opened *out, struct error *err)
{
	size_t count = request->release ? source->channels.count : 1;

	for (size_t i = 0; i < count; i++) {
		const char *channel = source->channels.items[(source->place + i) % count];
		char *url = request->release ? releases_url(channel, request->release)
					     : strdup(request->bundle);

		if (!url)
			return error_oom(err);
		out->urls[out->url_count++] = url;
	}
	return 0;
}

/* One of the addresses. */
static int try_address(const struct open_request *request, const struct source *source,
		       const struct keyring *ring, struct opened *out, struct error *err)
{
	uint64_t total = 0;
	int r = open_url(&source->fetch, ring, out, &total, err);

	if (r == 0 && request->release)
		r = is_that_one(out->bundle, request->release, err);
	/* Another release has another length, too: which one it is says more. */
	if (r == 0)
		r = check_length(out->bundle, request->release, total, err);
	if (r == 0)
		return 0;
	bundle_close(ptr_take(out->bundle));
	return error_wrap(err, r, "bundle %s", source->fetch.url);
}

static int open_addresses(const struct open_request *request, struct source *source,
			  const struct keyring *ring, struct opened *out, struct error *err)
{
	int r = name_addresses(request, source, out, err);

	for (size_t i = 0; r == 0 && i < out->url_count; i++) {
		source->fetch.url = out->urls[i];
		r = try_address(request, source, ring, out, err);
		if (r < 0 && r != -ENOMEM && i + 1 < out->url_count) {
			source_next(source, out->urls[i], out->urls[i + 1], err);
			r = 0;
			continue;
		}
		source->fetch.mirrors = (const char *const *)&out->urls[i + 1];
		source->fetch.mirror_count = out->url_count - i - 1;
		break;
	}
	return r;
}

int open_release(const struct open_request *request, struct source *source,
		 const struct keyring *ring, struct opened *out, struct error *err)
{
	int r;

	if (request->release || fetch_is_url(request->bundle))
		return open_addresses(request, source, ring, out, err);
	r = open_file(request->bundle, ring, out, err);
	return r < 0 ? error_wrap(err, r, "bundle %s", request->bundle) : 0;
}
