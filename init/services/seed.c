#include "init/services/seed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/fields.h"
#include "lib/io.h"
#include "lib/request.h"

#define REPOSITORIES "image/overlay2/repositories.json"

enum { LOCK_WAIT_MS = 10 * 60 * 1000 };

struct seeding {
	const char *source, *target;
	const struct seed_slot *slot;
	json_t *entries;
	bool changed;
	struct error *err;
};

json_t *seed_read_json(const char *path)
{
	_cleanup_free_ char *text = NULL;
	json_t *json;
	size_t size;

	if (io_read_file(path, SEED_FILE_MAX, &text, &size, NULL) < 0)
		return NULL;
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (json && !json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	return json;
}

static int write_json(const char *path, const json_t *json, struct error *err)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? io_replace_file(path, text, strlen(text), 0600, err) : error_oom(err);
}

static bool same_file(const char *one, const char *other)
{
	_cleanup_free_ char *a = NULL, *b = NULL;
	size_t a_size, b_size;

	return io_read_file(one, SEED_FILE_MAX, &a, &a_size, NULL) == 0 &&
	       io_read_file(other, SEED_FILE_MAX, &b, &b_size, NULL) == 0 && a_size == b_size &&
	       memcmp(a, b, a_size) == 0;
}

/* Not synced one by one: whoever comes after a power cut compares again. */
static int copy_file(const char *from, const char *to, struct error *err)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_fd_ int fd = -1;
	size_t size;
	int r = io_read_file(from, SEED_FILE_MAX, &data, &size, err);

	if (r < 0)
		return r;
	r = seed_remove(to, err);
	if (r < 0)
		return r;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "cannot create %s", to);
	r = io_write_full(fd, data, size);
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot write %s", to);
	}
	return 0;
}

static int seed_file(struct seeding *seeding, const char *from, const char *to)
{
	if (same_file(from, to))
		return 0;
	seeding->changed = true;
	return copy_file(from, to, seeding->err);
}

static int seed_link(struct seeding *seeding, const char *from, const char *to)
{
	char wanted[PATH_MAX], present[PATH_MAX];
	ssize_t size = readlink(from, wanted, sizeof(wanted) - 1);
	ssize_t present_size = readlink(to, present, sizeof(present));
	int r;

	if (size < 0)
		return error_errno(seeding->err, "cannot read the link %s", from);
	wanted[size] = '\0';
	if (present_size == size && memcmp(wanted, present, (size_t)size) == 0)
		return 0;
	seeding->changed = true;
	r = seed_remove(to, seeding->err);
	if (r == 0 && symlink(wanted, to) < 0)
		r = error_errno(seeding->err, "cannot create the link %s", to);
	return r;
}

static int seed_folder(struct seeding *seeding, const char *to)
{
	struct stat info;
	int r = 0;

	if (lstat(to, &info) == 0 && S_ISDIR(info.st_mode))
		return 0;
	seeding->changed = true;
	r = seed_remove(to, seeding->err);
	if (r == 0 && mkdir(to, 0710) < 0)
		r = error_errno(seeding->err, "cannot create %s", to);
	return r;
}

/* What a later release may take away: an image, a layer (its files go with it). */
static bool is_entry(const char *path)
{
	static const char *const below[] = {
		"image/overlay2/imagedb/content/sha256/",
		"image/overlay2/layerdb/sha256/",
	};

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		size_t length = strlen(below[i]);

		if (strncmp(path, below[i], length) == 0)
			return path[length] && !strchr(path + length, '/');
	}
	return false;
}

static int seed_tree(struct seeding *seeding, const char *below, unsigned depth);

static int seed_one(struct seeding *seeding, const char *path, unsigned depth)
{
	_cleanup_free_ char *from = NULL, *to = NULL;
	struct stat info;
	int r;

	if (asprintf(&from, "%s/%s", seeding->source, path) < 0 ||
	    asprintf(&to, "%s/%s", seeding->target, path) < 0)
		return error_oom(seeding->err);
	if (lstat(from, &info) < 0)
		return error_errno(seeding->err, "cannot look at %s", from);
	if (is_entry(path))
		json_array_append_new(seeding->entries, json_string(path));
	if (strcmp(path, REPOSITORIES) == 0)
		return 0; /* merged, not copied */
	if (S_ISLNK(info.st_mode))
		return seed_link(seeding, from, to);
	if (S_ISREG(info.st_mode))
		return seed_file(seeding, from, to);
	if (!S_ISDIR(info.st_mode))
		return error_set(seeding->err, -EINVAL, "%s is neither file, folder nor link",
				 from);
	r = seed_folder(seeding, to);
	return r < 0 ? r : seed_tree(seeding, path, depth + 1);
}

static int seed_tree(struct seeding *seeding, const char *below, unsigned depth)
{
	_cleanup_free_ char *folder = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;
	int r = 0;

	if (depth > SEED_DEPTH_MAX)
		return error_set(seeding->err, -ELOOP, "%s is too deep", seeding->source);
	if (asprintf(&folder, "%s/%s", seeding->source, below) < 0)
		return error_oom(seeding->err);
	dir = opendir(folder);
	if (!dir)
		return error_errno(seeding->err, "cannot open %s", folder);
	while (r == 0 && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s%s%s", below, *below ? "/" : "", entry->d_name) < 0)
			return error_oom(seeding->err);
		r = seed_one(seeding, path, depth);
	}
	return r;
}

/* Drops the tags that the seed before has set; what a person has tagged stays. */
static void drop_tags(json_t *repositories, const json_t *tags)
{
	const json_t *tag;
	size_t i;

	json_array_foreach((json_t *)tags, i, tag)
	{
		const char *text = json_string_value(tag), *name;
		json_t *repository;
		void *next;

		json_object_foreach_safe(repositories, next, name, repository)
		{
			if (text)
				json_object_del(repository, text);
			if (json_object_size(repository) == 0)
				json_object_del(repositories, name);
		}
	}
}

/* The seed's tags go over what is there. Fills `tags` with their names. */
static int merge_repositories(struct seeding *seeding, const json_t *before, json_t *tags)
{
	_cleanup_free_ char *from = NULL, *to = NULL;
	_cleanup_json_ json_t *seed = NULL, *present = NULL, *merged = NULL;
	json_t *ours, *all;
	const char *name, *tag;
	json_t *repository, *id;

	if (asprintf(&from, "%s/" REPOSITORIES, seeding->source) < 0 ||
	    asprintf(&to, "%s/" REPOSITORIES, seeding->target) < 0)
		return error_oom(seeding->err);
	seed = seed_read_json(from);
	ours = json_object_get(seed, "Repositories");
	if (!json_is_object(ours))
		return error_set(seeding->err, -EBADMSG, "%s names no repositories", from);
	present = seed_read_json(to); /* torn or missing: as if nobody had tagged anything */
	merged = present ? json_deep_copy(present) : json_object();
	if (!json_is_object(json_object_get(merged, "Repositories")))
		json_object_set_new(merged, "Repositories", json_object());
	all = json_object_get(merged, "Repositories");
	drop_tags(all, json_object_get(before, "tags"));
	json_object_foreach(ours, name, repository)
	{
		if (!json_is_object(json_object_get(all, name)))
			json_object_set_new(all, name, json_object());
		json_object_update(json_object_get(all, name), repository);
		json_object_foreach(repository, tag, id)
			json_array_append_new(tags, json_string(tag));
	}
	if (present && json_equal(present, merged))
		return 0;
	seeding->changed = true;
	return write_json(to, merged, seeding->err);
}

/* The marker: the release's root hash on a line of its own (PID 1 compares it), then JSON. */
static json_t *read_marker(const char *path)
{
	_cleanup_free_ char *text = NULL;
	const char *line_end;
	size_t size;

	if (io_read_file(path, SEED_FILE_MAX, &text, &size, NULL) < 0)
		return NULL;
	line_end = memchr(text, '\n', size);
	return line_end ? json_loads(line_end + 1, 0, NULL) : NULL;
}

static int write_marker(const char *path, const json_t *now, struct error *err)
{
	_cleanup_free_ char *json = json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_free_ char *text = NULL;
	int size;

	if (!json)
		return error_oom(err);
	size = asprintf(&text, "%s\n%s\n", json_string_value(json_object_get(now, "release")),
			json);
	if (size < 0) {
		text = NULL;
		return error_oom(err);
	}
	return io_replace_file(path, text, (size_t)size, 0600, err);
}

static json_t *release_name(void)
{
	_cleanup_fields_ struct fields fields = {0};
	const char *hash = NULL;

	if (fields_read(PATH_BOOT, &fields, NULL) == 0)
		hash = fields_get(&fields, "root_hash");
	return json_string(hash ? hash : "");
}

/*
 * From here on the store is neither this release's nor the one's before: PID 1
 * must not skip the seeding of either, should this one be cut short. The rest
 * of the marker stays, for it says what is to be taken away.
 */
static int disown(const char *marker, json_t *before, const json_t *now, struct error *err)
{
	if (!json_is_object(before))
		return seed_remove(marker, err);
	if (json_equal(json_object_get(before, "release"), json_object_get(now, "release")))
		return 0;
	if (json_object_set_new(before, "release", json_string("unfinished")) < 0)
		return error_oom(err);
	if (write_marker(marker, before, NULL) == 0)
		return 0;
	return seed_remove(marker, err); /* a full disk: that needs no room */
}

/* To a person, and into the log: nothing of the system's own depends on it. */
static void tell(const struct error *err)
{
	char line[REQUEST_LINE_MAX];

	fprintf(stderr, "proa-services: %s\n", err->message);
	snprintf(line, sizeof(line), "degraded %.900s", err->message);
	(void)request_pid1(PATH_INIT_SOCKET, line, NULL, 0, NULL);
}

/* Returns whether it is worth to look again at the next boot. */
static bool keep_layers(struct seeding *seeding, const json_t *now)
{
	_cleanup_json_ json_t *layers = json_array();
	struct error err = ERROR_INIT;
	int r = seed_foreign_layers(seeding->target, now, layers, &err);

	if (r == 0 && seeding->slot)
		r = seed_keep_layers(seeding->target, layers, seeding->slot, &err);
	if (r < 0)
		tell(&err);
	return r == -ENOSPC || (!seeding->slot && json_array_size(layers) > 0);
}

static int finish(struct seeding *seeding, const char *marker, const json_t *before,
		  const json_t *now)
{
	_cleanup_fd_ int fd = -1;
	bool again = false;
	int r;

	if (before && !seeding->changed && json_equal(before, now))
		return 0;
	if (!before ||
	    !json_equal(json_object_get(before, "release"), json_object_get(now, "release"))) {
		r = seed_prune(seeding->target, before, now, seeding->err);
		if (r < 0)
			return r;
		again = keep_layers(seeding, now);
	}
	/* The marker says that all of this is on the disk: all of it goes there first. */
	fd = open(seeding->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return error_errno(seeding->err, "cannot sync %s", seeding->target);
	if (again)
		return 0;
	/* A full disk: the store is right all the same, and the next boot compares it again. */
	if (write_marker(marker, now, NULL) < 0)
		fprintf(stderr, "proa-services: cannot write %s; is the disk full?\n", marker);
	return 0;
}

/* One at a time: a layer's copy may take its time. */
static int take_store(const char *target, int *lock, struct error *err)
{
	*lock = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock < 0)
		return error_errno(err, "cannot open %s", target);
	return io_lock(*lock, LOCK_WAIT_MS) < 0
		       ? error_set(err, -EBUSY, "another program prepares %s", target)
		       : 0;
}

bool seed_is_busy(const char *target)
{
	_cleanup_fd_ int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int seed_run(const char *source, const char *target, const struct seed_slot *slot,
	     struct error *err)
{
	struct seeding seeding = {.source = source, .target = target, .slot = slot, .err = err};
	_cleanup_json_ json_t *before = NULL, *now = NULL;
	_cleanup_free_ char *marker = NULL;
	_cleanup_fd_ int lock = -1;
	json_t *tags = json_array();
	int r;

	seeding.entries = json_array();
	now = json_pack("{s:o, s:o, s:o}", "release", release_name(), "entries", seeding.entries,
			"tags", tags);
	if (!now || asprintf(&marker, "%s/" SEED_MARKER, target) < 0)
		return error_oom(err);
	r = io_make_dirs(target, err);
	if (r == 0 && chmod(target, 0710) < 0)
		r = error_errno(err, "cannot set the mode of %s", target);
	if (r == 0)
		r = take_store(target, &lock, err);
	before = read_marker(marker);
	if (r == 0)
		r = disown(marker, before, now, err);
	if (r == 0)
		r = seed_tree(&seeding, "", 0);
	if (r == 0)
		r = merge_repositories(&seeding, before, tags);
	return r < 0 ? r : finish(&seeding, marker, before, now);
}
