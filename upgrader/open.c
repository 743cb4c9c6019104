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
	free(opened->url);
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

int open_release(const struct open_request *request, struct source *source,
		 const struct keyring *ring, struct opened *out, struct error *err)
{
	const char *name = request->bundle;
	uint64_t total = 0;
	int r;

	if (request->release || fetch_is_url(name)) {
		out->url = request->release ? releases_url(source->channel_url, request->release)
					    : strdup(name);
		if (!out->url)
			return error_oom(err);
		name = source->fetch.url = out->url;
		r = open_url(&source->fetch, ring, out, &total, err);
	} else {
		r = open_file(name, ring, out, err);
	}
	if (r == 0 && request->release)
		r = is_that_one(out->bundle, request->release, err);
	/* Another release has another length, too: which one it is says more. */
	if (r == 0 && out->url)
		r = check_length(out->bundle, request->release, total, err);
	return r < 0 ? error_wrap(err, r, "bundle %s", name) : 0;
}
