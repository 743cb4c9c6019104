#include "images/published.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "images/put.h"
#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/io.h"

/* "FOLDER/NAME", allocated; NULL: out of memory. */
static char *path_of(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

int published_each(const char *folder, const char *suffix,
		   int (*found)(void *context, const char *name, struct error *err), void *context,
		   struct error *err)
{
	_cleanup_dir_ DIR *dir = opendir(folder);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return error_errno(err, "cannot look into %s", folder);
	while (r >= 0 && (errno = 0, entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), end = strlen(suffix);

		if (length > end && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name + length - end, suffix) == 0)
			r = found(context, entry->d_name, err);
	}
	if (r >= 0 && errno != 0)
		r = error_errno(err, "cannot read the folder %s", folder);
	return r < 0 ? r : 0;
}

/* ---- root documents ---- */

struct rotation {
	const char *folder;
	const struct keyring *keys;
};

/*
 * Between the new root document and the new channel, machines find the old channel beside the
 * new keys; and that may be long, where the publisher is interrupted.
 */
static int check_overlap(void *context, const char *name, struct error *err)
{
	const struct rotation *rotation = context;
	struct shelf_channel *channel = calloc(1, sizeof(*channel));
	int r = channel ? shelf_read_channel(rotation->folder, name, rotation->keys, channel, err)
			: error_oom(err);

	if (channel && r == 0)
		shelf_free_channel(channel);
	free(channel);
	/* One that no machine takes as it is has nothing to lose. */
	if (r != -ENOKEY && r != -ENOMEM)
		return 0;
	return error_wrap(err, r == -ENOKEY ? -ESTALE : r,
			  "the new root document does not list a key that signed the channel which "
			  "machines find there; sign that one with a new key too, publish it, and "
			  "then the root document");
}

static int check_same_roots(const char *folder, const struct shelf_roots *there,
			    const struct shelf_roots *roots, struct error *err)
{
	for (size_t i = 0; i < there->count; i++) {
		const struct shelf_document *old = &there->documents[i];
		const struct shelf_document *new = &roots->documents[i];

		if (i >= roots->count)
			return error_set(err, -ESTALE,
					 "%s has %s, and beside the channel it is missing: put all "
					 "root documents there",
					 folder, old->name);
		if (old->size != new->size || memcmp(old->text, new->text, old->size) != 0)
			return error_set(err, -ESTALE,
					 "%s has another %s; a published root document does not "
					 "change, the next one gets the next number",
					 folder, old->name);
	}
	return 0;
}

int published_check_roots(const char *folder, const struct shelf_roots *roots, struct error *err)
{
	_cleanup_free_ char *first = path_of(folder, "1.root");
	struct rotation rotation = {folder, &roots->newest.keys};
	struct shelf_roots there;
	int r;

	if (!first)
		return error_oom(err);
	if (access(first, F_OK) < 0)
		return 0;
	r = shelf_read_roots(folder, &there, err);
	if (r < 0)
		return r;
	r = check_same_roots(folder, &there, roots, err);
	if (r == 0 && there.count < roots->count)
		r = published_each(folder, ".channel", check_overlap, &rotation, err);
	shelf_free_roots(&there);
	return r;
}

/* ---- the channel ---- */

int published_check_channel(const char *folder, const struct shelf_channel *channel,
			    struct error *err)
{
	_cleanup_free_ char *path = path_of(folder, channel->document.name), *text = NULL;
	struct channel there;
	size_t size = 0;
	int r;

	if (!path)
		return error_oom(err);
	if (access(path, F_OK) < 0)
		return 0;
	r = io_read_file(path, CHANNEL_SIZE_MAX, &text, &size, err);
	if (r == 0)
		r = channel_parse(text, size, &there, err);
	if (r < 0)
		return error_wrap(err, r,
				  "%s lies there and cannot be followed; look at it, and "
				  "remove it if it is damaged",
				  path);
	if (there.serial > channel->channel.serial)
		return error_set(
			err, -ESTALE,
			"%s has the serial %llu, and machines that saw it refuse %llu; make "
			"the channel anew: proa-image channel; or, if that one is not yours, "
			"remove it",
			path, (unsigned long long)there.serial,
			(unsigned long long)channel->channel.serial);
	if (there.serial == channel->channel.serial &&
	    (size != channel->document.size || memcmp(text, channel->document.text, size) != 0))
		return error_set(err, -ESTALE,
				 "%s has the same serial, %llu, and says something else; make the "
				 "channel anew: proa-image channel",
				 path, (unsigned long long)there.serial);
	return 0;
}

/* ---- releases ---- */

/* Signed anew it is the same release: no machine that fetches it meanwhile gets other data. */
static int is_same_manifest(int fd, const struct channel_release *entry)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	uint8_t sha256[HASH_SIZE];
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0 || (uint64_t)end != entry->bundle_size || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	if (bundle_open(fd, NULL, &bundle, NULL) < 0)
		return 0;
	return hash_bytes(bundle_head(bundle)->manifest_text, bundle_head(bundle)->manifest_size,
			  sha256) == 0 &&
	       memcmp(sha256, entry->manifest_sha256, HASH_SIZE) == 0;
}

int published_has_release(const char *folder, const struct channel_release *entry,
			  const struct shelf_release *release, struct error *err)
{
	_cleanup_free_ char *path = path_of(folder, entry->file);
	_cleanup_fd_ int fd = -1;
	uint8_t sha256[HASH_SIZE];
	int r;

	if (!path)
		return error_oom(err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot open %s", path);
	r = put_hash(fd, path, sha256, err);
	if (r < 0)
		return r;
	if (memcmp(sha256, release->sha256, HASH_SIZE) == 0)
		return 1;
	if (is_same_manifest(fd, entry))
		return 0;
	return error_set(
		err, -ESTALE,
		"%s is there and is another one; a published release does not change: give "
		"the new one another version, or remove that file if it is damaged",
		path);
}
