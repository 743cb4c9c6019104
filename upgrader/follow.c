#include "upgrader/follow.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "upgrader/small.h"

struct document {
	char text[ROOT_SIZE_MAX], signature[SIGNATURES_SIZE_MAX];
	size_t size, signature_size;
};

/* In the folder of `address`; what stands behind "?" there may be what lets us in. */
static char *address_of(const char *address, uint64_t number)
{
	size_t end = strcspn(address, "?#"), folder = end;
	char *url = NULL;

	while (folder > 0 && address[folder - 1] != '/')
		folder--;
	return asprintf(&url, "%.*s%llu.root%s", (int)folder, address, (unsigned long long)number,
			address + end) < 0
		       ? NULL
		       : url;
}

/* Returns 1, 0 where the server does not give it, or a negative errno. */
static int fetch_document(const struct fetch_options *fetch, struct document *out,
			  struct error *err)
{
	struct error network = ERROR_INIT;
	int r = small_fetch(fetch, out->text, sizeof(out->text), &out->size, &network);

	/* Without its signatures it is still being put there. */
	if (r == 0)
		r = small_fetch_signature(fetch, out->signature, sizeof(out->signature),
					  &out->signature_size, &network);
	if (r == -EREMOTEIO)
		return 0;
	return r < 0 ? error_set(err, r, "%s", network.message) : 1;
}

/* The signatures first: a document without them is none, whatever moment the power fails at. */
static int keep_document(const char *folder, uint64_t number, const struct document *document,
			 struct error *err)
{
	char path[PATH_MAX], signature[PATH_MAX];
	int r = io_make_dirs(folder, err);

	snprintf(path, sizeof(path), "%s/%llu.root", folder, (unsigned long long)number);
	snprintf(signature, sizeof(signature), "%s/%llu.root.sig", folder,
		 (unsigned long long)number);
	if (r == 0)
		r = io_replace_file(signature, document->signature, document->signature_size, 0644,
				    err);
	if (r == 0)
		r = io_replace_file(path, document->text, document->size, 0644, err);
	return r < 0 ? error_wrap(err, r,
				  "root document %llu counts, but cannot be kept for the next "
				  "upgrade",
				  (unsigned long long)number)
		     : 0;
}

/* Returns 1 where there was one more, 0 where not, or a negative errno. */
static int follow_one(const struct fetch_options *fetch, struct trust *trust, const char *keep,
		      struct error *warning, struct error *err)
{
	uint64_t number = trust->root.number + 1;
	_cleanup_free_ struct document *document = malloc(sizeof(*document));
	_cleanup_free_ char *url = address_of(fetch->url, number);
	struct fetch_options options = *fetch;
	int r;

	if (!document || !url)
		return error_oom(err);
	options.url = url;
	r = fetch_document(&options, document, err);
	if (r <= 0)
		return r;
	r = trust_follow(trust, document->text, document->size, document->signature,
			 document->signature_size, err);
	if (r < 0)
		return error_wrap(err, r, "root document %s", url);
	if (keep)
		(void)keep_document(keep, number, document, warning);
	return 1;
}

int follow_roots(const struct fetch_options *fetch, struct trust *trust, const char *keep,
		 struct error *warning, struct error *err)
{
	int r = trust->root.number > 0;

	for (int count = 0; r > 0; count++) {
		if (count == FOLLOW_MAX)
			return error_set(err, -EFBIG,
					 "the server has %d root documents or more behind the one "
					 "that is known here; name a newer one with --key N.root",
					 FOLLOW_MAX);
		r = follow_one(fetch, trust, keep, warning, err);
	}
	return r;
}

int follow_check(const struct trust *trust, uint64_t seen, struct error *err)
{
	if (trust->root.number == 0 || trust->root.number >= seen)
		return 0;
	return error_set(err, -ESTALE,
			 "root document %llu has been in force here, and the newest to be had now "
			 "is %llu: a server that lags, or somebody who wants lost keys to count "
			 "again; name the newest with --key N.root",
			 (unsigned long long)seen, (unsigned long long)trust->root.number);
}
