#include "init/services/seed.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/services/container.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/io.h"

#define IMAGES "image/overlay2/imagedb/content/sha256/"
#define LAYERS "image/overlay2/layerdb/sha256/"
#define MOUNTS "image/overlay2/layerdb/mounts"

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int seed_remove(const char *path, struct error *err)
{
	/* PHYS: links are removed, not followed. MOUNT: never into another file system. */
	if (nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return error_errno(err, "cannot remove %s", path);
	return 0;
}

/* A file of one short value, its line end cut off. */
static int read_value(const char *path, char *out, size_t room)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = io_read_file(path, room - 1, &text, &size, NULL);

	if (r == 0)
		snprintf(out, room, "%.*s", (int)strcspn(text, "\n"), text);
	return r;
}

/* Names become parts of paths that are removed. */
static bool is_name(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/');
}

typedef int (*visit)(const char *target, const char *name, void *data, struct error *err);

/* Calls `fn` for each entry of a folder below `target`; a missing folder has none. */
static int for_each(const char *target, const char *folder, visit fn, void *data,
		    struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = 0;

	if (asprintf(&path, "%s/%s", target, folder) < 0)
		return error_oom(err);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : error_errno(err, "cannot open %s", path);
	while (r == 0 && (entry = readdir(dir)))
		if (is_name(entry->d_name))
			r = fn(target, entry->d_name, data, err);
	return r;
}

static int remove_below(const char *target, struct error *err, const char *format,
			const char *name)
{
	_cleanup_free_ char *below = NULL, *path = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (asprintf(&below, format, name) < 0)
		return error_oom(err);
#pragma GCC diagnostic pop
	if (asprintf(&path, "%s/%s", target, below) < 0)
		return error_oom(err);
	return seed_remove(path, err);
}

/* A container's writable layer: its folder, the one it was initialised from, and their short names. */
static int remove_writable(const char *target, const char *mount, struct error *err)
{
	static const char *const suffixes[] = {"", "-init"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		_cleanup_free_ char *folder = NULL, *link = NULL;
		char name[64];

		if (asprintf(&folder, "overlay2/%s%s", mount, suffixes[i]) < 0 ||
		    asprintf(&link, "%s/%s/link", target, folder) < 0)
			return error_oom(err);
		if (read_value(link, name, sizeof(name)) == 0 && is_name(name))
			r = remove_below(target, err, "overlay2/l/%s", name);
		if (r == 0)
			r = remove_below(target, err, "%s", folder);
	}
	return r;
}

static int prune_container(const char *target, const char *id, void *data, struct error *err)
{
	_cleanup_free_ char *config = NULL, *mount_file = NULL;
	_cleanup_json_ json_t *json = NULL;
	char mount[128];
	const json_t *labels;
	int r = 0;

	(void)data;
	if (asprintf(&config, "%s/containers/%s/config.v2.json", target, id) < 0 ||
	    asprintf(&mount_file, "%s/" MOUNTS "/%s/mount-id", target, id) < 0)
		return error_oom(err);
	json = seed_read_json(config);
	labels = json_object_get(json_object_get(json, "Config"), "Labels");
	if (!json_object_get(labels, CONTAINER_LABEL_SERVICE))
		return 0;
	if (read_value(mount_file, mount, sizeof(mount)) == 0 && is_name(mount))
		r = remove_writable(target, mount, err);
	if (r == 0)
		r = remove_below(target, err, MOUNTS "/%s", id);
	/* Last: as long as it is there, the rest is found again. */
	return r < 0 ? r : remove_below(target, err, "containers/%s", id);
}

struct references {
	const json_t *before; /* entries of the seed before */
	json_t *kept;         /* "sha256:…" of images and layers that a person needs */
};

static bool has(const json_t *array, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)array, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static void keep(json_t *kept, const char *digest)
{
	if (digest)
		json_object_set_new(kept, digest, json_true());
}

/* A container that is left by now is a person's. */
static int keep_of_container(const char *target, const char *id, void *data, struct error *err)
{
	struct references *references = data;
	_cleanup_free_ char *config = NULL, *parent = NULL;
	_cleanup_json_ json_t *json = NULL;
	char digest[128];

	if (asprintf(&config, "%s/containers/%s/config.v2.json", target, id) < 0 ||
	    asprintf(&parent, "%s/" MOUNTS "/%s/parent", target, id) < 0)
		return error_oom(err);
	json = seed_read_json(config);
	keep(references->kept, json_string_value(json_object_get(json, "Image")));
	if (read_value(parent, digest, sizeof(digest)) == 0)
		keep(references->kept, digest);
	return 0;
}

/* A layer that isn't the old seed's own keeps the one below it. */
static int keep_of_layer(const char *target, const char *chain, void *data, struct error *err)
{
	struct references *references = data;
	_cleanup_free_ char *parent = NULL;
	char digest[128], own[256];

	snprintf(own, sizeof(own), LAYERS "%s", chain);
	if (has(references->before, own))
		return 0;
	if (asprintf(&parent, "%s/" LAYERS "%s/parent", target, chain) < 0)
		return error_oom(err);
	if (read_value(parent, digest, sizeof(digest)) == 0)
		keep(references->kept, digest);
	return 0;
}

/* By now the tags of the old seed are gone: any that is left is a person's, or the new seed's. */
static int keep_of_tags(const char *target, json_t *kept, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_json_ json_t *json = NULL;
	const char *name, *tag;
	json_t *repository, *id;

	if (asprintf(&path, "%s/image/overlay2/repositories.json", target) < 0)
		return error_oom(err);
	json = seed_read_json(path);
	json_object_foreach(json_object_get(json, "Repositories"), name, repository)
		json_object_foreach(repository, tag, id)
			keep(kept, json_string_value(id));
	return 0;
}

/* A layer, and the folder that its cache-id names. */
static int prune_layer(const char *target, const char *entry, struct error *err)
{
	_cleanup_free_ char *cache_file = NULL, *link_file = NULL;
	char cache[128], link[64];
	int r = 0;

	if (asprintf(&cache_file, "%s/%s/cache-id", target, entry) < 0)
		return error_oom(err);
	if (read_value(cache_file, cache, sizeof(cache)) == 0 && is_name(cache)) {
		if (asprintf(&link_file, "%s/overlay2/%s/link", target, cache) < 0)
			return error_oom(err);
		if (read_value(link_file, link, sizeof(link)) == 0 && is_name(link))
			r = remove_below(target, err, "overlay2/l/%s", link);
		if (r == 0)
			r = remove_below(target, err, "overlay2/%s", cache);
	}
	return r < 0 ? r : remove_below(target, err, "%s", entry);
}

/* Removes those of the old seed's entries below `folder` that nothing keeps. */
static int prune_entries(const char *target, const char *folder, const json_t *entries,
			 const json_t *now, const json_t *kept, bool *some_kept, struct error *err)
{
	const json_t *entry;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)entries, i, entry) {
		const char *path = json_string_value(entry);
		char digest[256];

		if (r < 0 || !path || strncmp(path, folder, strlen(folder)) != 0 ||
		    !is_name(path + strlen(folder)) || has(now, path))
			continue;
		snprintf(digest, sizeof(digest), "sha256:%s", path + strlen(folder));
		if (json_object_get(kept, digest))
			*some_kept = true;
		else if (strcmp(folder, LAYERS) == 0)
			r = prune_layer(target, path, err);
		else
			r = remove_below(target, err, "%s", path);
	}
	return r;
}

int seed_prune(const char *target, const json_t *before, const json_t *now, struct error *err)
{
	_cleanup_json_ json_t *kept = json_object();
	struct references references = {.before = json_object_get(before, "entries"), .kept = kept};
	const json_t *ours = json_object_get(now, "entries");
	bool image_kept = false, layer_kept = false;
	int r;

	r = for_each(target, "containers", prune_container, NULL, err);
	if (r == 0)
		r = for_each(target, "containers", keep_of_container, &references, err);
	if (r == 0)
		r = for_each(target, LAYERS, keep_of_layer, &references, err);
	if (r == 0)
		r = keep_of_tags(target, kept, err);
	if (r == 0)
		r = prune_entries(target, IMAGES, references.before, ours, kept, &image_kept, err);
	/* An image that stays needs its layers; which they are is no matter, so all of them. */
	if (r == 0 && !image_kept)
		r = prune_entries(target, LAYERS, references.before, ours, kept, &layer_kept, err);
	return r;
}

struct foreign {
	const json_t *ours;
	json_t *out;
};

static int add_foreign(const char *target, const char *chain, void *data, struct error *err)
{
	struct foreign *foreign = data;
	_cleanup_free_ char *cache_file = NULL, *diff = NULL;
	char entry[256], cache[128];
	struct stat info;

	snprintf(entry, sizeof(entry), LAYERS "%s", chain);
	if (has(foreign->ours, entry))
		return 0;
	if (asprintf(&cache_file, "%s/%s/cache-id", target, entry) < 0)
		return error_oom(err);
	if (read_value(cache_file, cache, sizeof(cache)) < 0 || !is_name(cache))
		return 0;
	if (asprintf(&diff, "%s/overlay2/%s/diff", target, cache) < 0)
		return error_oom(err);
	if (lstat(diff, &info) == 0 && S_ISLNK(info.st_mode))
		json_array_append_new(foreign->out, json_string(cache));
	return 0;
}

int seed_foreign_layers(const char *target, const json_t *now, json_t *out, struct error *err)
{
	struct foreign foreign = {.ours = json_object_get(now, "entries"), .out = out};

	return for_each(target, LAYERS, add_foreign, &foreign, err);
}
