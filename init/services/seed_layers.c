#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "init/services/run.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/io.h"

#define LAYERS "image/overlay2/layerdb/sha256/"

enum {
	COPY_MS = 240 * 1000, /* the gate has its own end for a disk that is slow */
	BLOCK = 4096,
	META_PART = 20, /* of a copy, for what a file system keeps beside the bytes */
};

/* Where it is in the store, and where its copy is made. */
struct layer {
	char diff[PATH_MAX], new[PATH_MAX];
};

/* Allocated bytes and files of a tree. */
static int measure(const char *path, uint64_t *bytes, uint64_t *files, struct error *err)
{
	char *const roots[] = {(char *)path, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	*bytes = *files = 0;
	if (!tree)
		return error_errno(err, "cannot open %s", path);
	while ((entry = fts_read(tree))) {
		if (entry->fts_info == FTS_DP || !entry->fts_statp)
			continue;
		*bytes += ((uint64_t)entry->fts_statp->st_size + BLOCK - 1) / BLOCK * BLOCK;
		(*files)++;
	}
	fts_close(tree);
	return 0;
}

static int check_room(const char *source, const char *target, struct error *err)
{
	struct statvfs room;
	uint64_t bytes, files, free_bytes;
	int r = measure(source, &bytes, &files, err);

	if (r < 0)
		return r;
	if (statvfs(target, &room) < 0)
		return error_errno(err, "cannot look at %s", target);
	free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
	bytes += bytes / META_PART;
	if (bytes <= free_bytes && files <= room.f_favail)
		return 0;
	return error_set(err, -ENOSPC,
			 "%" PRIu64 " MiB are needed in %s, %" PRIu64
			 " MiB are free; make room and reboot",
			 (bytes >> 20) + 1, target, free_bytes >> 20);
}

/* The other slot's own seed says which of its folders is this layer. */
static int find_source(const char *other, const char *cache, char *out, size_t size)
{
	char link[PATH_MAX / 2], folder[PATH_MAX / 2];
	ssize_t length;
	struct stat info;

	snprintf(link, sizeof(link), "%s/seed/overlay2/%.128s/diff", other, cache);
	length = readlink(link, folder, sizeof(folder) - 1);
	if (length <= 0 || folder[0] != '/')
		return -ENOENT;
	folder[length] = '\0';
	snprintf(out, size, "%s%s", other, folder);
	return stat(out, &info) == 0 && S_ISDIR(info.st_mode) ? 0 : -ENOENT;
}

/* Until the swap the store is as it was; what a power cut leaves of the copy is removed first. */
static int copy_layer(const struct layer *layer, const char *source, const char *target,
		      struct error *err)
{
	char *const argv[] = {(char *)"/usr/bin/cp", (char *)"-a",       (char *)"-T", (char *)"--",
			      (char *)source,        (char *)layer->new, NULL};
	_cleanup_fd_ int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char said[160];
	int r = check_room(source, target, err);

	if (r < 0)
		return r;
	r = run_program(argv, COPY_MS, said, sizeof(said));
	if (r != 0)
		return error_set(err, r < 0 ? r : -EIO, "cannot copy %s: %s", source,
				 r < 0 ? strerror(-r) : said);
	if (fd < 0 || syncfs(fd) < 0)
		return error_errno(err, "cannot sync %s", target);
	if (renameat2(AT_FDCWD, layer->new, AT_FDCWD, layer->diff, RENAME_EXCHANGE) < 0)
		return error_errno(err, "cannot rename %s", layer->new);
	return 0;
}

/*
 * The link would lead into this slot's userland, which is another one. With nothing behind it a
 * container of such an image does not start, and says why.
 */
static int lose_layer(const struct layer *layer, struct error *err)
{
	int r = seed_remove(layer->new, err);

	if (r == 0 && (symlink(SEED_LOST, layer->new) < 0 || rename(layer->new, layer->diff) < 0))
		r = error_errno(err, "cannot create the link %s", layer->diff);
	return r;
}

static int keep_layer(const char *target, const char *cache, const char *other, struct error *err)
{
	struct layer layer;
	struct error second = ERROR_INIT;
	char source[PATH_MAX];
	int r;

	snprintf(layer.diff, sizeof(layer.diff), "%s/overlay2/%.128s/diff", target, cache);
	snprintf(layer.new, sizeof(layer.new), "%s/overlay2/%.128s/diff.new", target, cache);
	r = seed_remove(layer.new, err);
	if (r < 0)
		return r;
	r = other ? find_source(other, cache, source, sizeof(source)) : -ENOENT;
	if (r == 0)
		r = copy_layer(&layer, source, target, err);
	else if (other)
		error_set(err, r, "the other slot does not hold the layer %.12s any more", cache);
	if (r < 0 && lose_layer(&layer, &second) < 0)
		*err = second;
	(void)seed_remove(layer.new, NULL);
	return r;
}

int seed_keep_layers(const char *target, const json_t *layers, const struct seed_slot *slot,
		     struct error *err)
{
	char root[PATH_MAX / 4] = "";
	struct error why = ERROR_INIT;
	const json_t *layer;
	bool open;
	size_t i;
	int worst = 0;

	if (json_array_size(layers) == 0)
		return 0;
	open = slot->open(root, sizeof(root), &why) == 0;
	json_array_foreach((json_t *)layers, i, layer)
	{
		int r = keep_layer(target, json_string_value(layer), open ? root : NULL, &why);

		if (r < 0 && worst != -ENOSPC)
			worst = r;
	}
	if (open)
		slot->close(root);
	if (worst == 0)
		return 0;
	return error_set(err, worst,
			 "System Docker's images that were built on an earlier release's userland "
			 "cannot be used: %.300s",
			 why.message);
}
