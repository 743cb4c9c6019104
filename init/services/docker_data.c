#include "init/services/docker_data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/io.h"

#define SAVED   "saved-"
#define REFUSED "refused-"

enum {
	LOCK_WAIT_MS = 10 * 60 * 1000,
	/* Beside a copy, for the engine that runs on: a twentieth of the file system, but no more.
	 */
	SPARE_PART = 20,
	SPARE_MAX = 64 << 20,
	REFUSED_MAX = 99, /* of one version */
};

/* Paths of one data root. */
struct paths {
	const char *root;
	char folder[PATH_MAX / 2];
	char mark[PATH_MAX / 2 + 16];
};

static void set_paths(struct paths *paths, const char *root)
{
	paths->root = root;
	snprintf(paths->folder, sizeof(paths->folder), "%s/" DOCKER_DATA_FOLDER, root);
	snprintf(paths->mark, sizeof(paths->mark), "%s/version", paths->folder);
}

void docker_data_read(const char *root, struct docker_data *out)
{
	_cleanup_fields_ struct fields fields = {0};
	struct paths paths;

	*out = (struct docker_data){0};
	set_paths(&paths, root);
	if (fields_read(paths.mark, &fields, NULL) < 0)
		return;
	out->version = fields_get_number(&fields, "version", 0);
	out->restores = fields_get(&fields, "restoring") != NULL;
	out->restoring = fields_get_number(&fields, "restoring", 0);
	out->aside = fields_get_number(&fields, "aside", 0) == 1;
}

bool docker_data_is_ready(const struct docker_data *data, uint64_t own)
{
	return !data->restores && data->version >= own;
}

static int write_mark(const struct paths *paths, const struct docker_data *data, struct error *err)
{
	char text[128];
	int size = snprintf(text, sizeof(text), "version=%" PRIu64 "\n", data->version);

	if (data->restores)
		size += snprintf(text + size, sizeof(text) - (size_t)size,
				 "restoring=%" PRIu64 "\naside=%d\n", data->restoring, data->aside);
	return io_replace_file(paths->mark, text, (size_t)size, 0644, err);
}

/* Whoever holds the folder's lock is alone: a restarted service manager starts a second one. */
static int take(struct paths *paths, const char *root, struct error *err)
{
	int fd, r;

	set_paths(paths, root);
	r = io_make_dirs(paths->folder, err);
	if (r < 0)
		return r;
	fd = open(paths->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0700) < 0) {
		r = error_errno(err, "cannot open %s", paths->folder);
		cleanup_fd(&fd);
		return r;
	}
	r = io_lock(fd, LOCK_WAIT_MS);
	if (r == 0)
		return fd;
	close(fd);
	return error_set(err, r, "cannot lock %s: %s", paths->folder, strerror(-r));
}

/* The number behind `prefix`; false where the name is another one. */
static bool number_of(const char *name, const char *prefix, uint64_t *number)
{
	size_t length = strlen(prefix);
	char *end;

	if (strncmp(name, prefix, length) != 0 || name[length] < '0' || name[length] > '9')
		return false;
	*number = strtoull(name + length, &end, 10);
	return *end == '\0';
}

/* Finds PREFIX-N with the highest N up to `most`. */
static bool find(const struct paths *paths, const char *prefix, uint64_t most, uint64_t *version)
{
	_cleanup_dir_ DIR *dir = opendir(paths->folder);
	struct dirent *entry;
	bool found = false;
	uint64_t number;

	while (dir && (entry = readdir(dir))) {
		if (!number_of(entry->d_name, prefix, &number) || number > most ||
		    (found && number < *version))
			continue;
		*version = number;
		found = true;
	}
	return found;
}

static int remove_all(const struct paths *paths, const char *prefix, struct error *err)
{
	char path[PATH_MAX];
	uint64_t version;
	int r = 0;

	while (r == 0 && find(paths, prefix, UINT64_MAX, &version)) {
		snprintf(path, sizeof(path), "%s/%s%" PRIu64, paths->folder, prefix, version);
		r = seed_remove(path, err);
	}
	return r;
}

static int sync_all(int folder, const struct paths *paths, struct error *err)
{
	return syncfs(folder) < 0 ? error_errno(err, "cannot sync %s", paths->folder) : 0;
}

static int check_room(const struct paths *paths, struct error *err)
{
	struct statvfs room;
	uint64_t bytes, files, free_bytes, spare;
	int r = docker_data_measure(paths->root, &bytes, &files, err);

	if (r < 0)
		return r;
	if (statvfs(paths->folder, &room) < 0)
		return error_errno(err, "cannot look at %s", paths->folder);
	free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
	/* File systems without a table of inodes say 0 of all. */
	spare = (uint64_t)room.f_blocks * room.f_frsize / SPARE_PART;
	bytes += spare < SPARE_MAX ? spare : SPARE_MAX;
	if (bytes <= free_bytes && (room.f_files == 0 || files <= room.f_favail))
		return 0;
	return error_set(
		err, -ENOSPC,
		"there is no room for a copy of what Docker keeps beside layers and volumes: "
		"%" PRIu64 " MiB in %" PRIu64 " files, and %s has %" PRIu64 " MiB and %" PRIu64
		" files left; remove something there",
		(bytes >> 20) + 1, files, paths->root, free_bytes >> 20, (uint64_t)room.f_favail);
}

/* The copy has its name only once all of it is on the disk. */
static int save(int folder, const struct paths *paths, uint64_t version, struct error *err)
{
	char new[PATH_MAX], saved[PATH_MAX];
	int r;

	snprintf(new, sizeof(new), "%s/new", paths->folder);
	snprintf(saved, sizeof(saved), "%s/" SAVED "%" PRIu64, paths->folder, version);
	r = remove_all(paths, SAVED, err); /* of older data than these */
	if (r == 0)
		r = seed_remove(new, err);
	if (r == 0)
		r = check_room(paths, err);
	if (r < 0)
		return r;
	r = docker_data_copy(paths->root, new, err);
	if (r == 0)
		r = sync_all(folder, paths, err);
	if (r == 0 && rename(new, saved) < 0)
		r = error_errno(err, "cannot rename %s", new);
	if (r == 0)
		return sync_all(folder, paths, err);
	seed_remove(new, NULL);
	return r;
}

/* Calls `move` for each name in a folder. */
static int for_each(const char *path, const struct paths *paths, const char *other,
		    int (*move)(const struct paths *, const char *name, const char *other,
				struct error *),
		    struct error *err)
{
	_cleanup_dir_ DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : error_errno(err, "cannot open %s", path);
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = move(paths, entry->d_name, other, err);
	return r;
}

/* What was moved before an interruption is not there any more. */
static int move_entry(const char *from, const char *to, const char *name, struct error *err)
{
	char one[PATH_MAX], other[PATH_MAX];

	snprintf(one, sizeof(one), "%s/%s", from, name);
	snprintf(other, sizeof(other), "%s/%s", to, name);
	if (rename(one, other) < 0 && errno != ENOENT)
		return error_errno(err, "cannot move %s to %s", one, other);
	return 0;
}

#define VOLUMES "volumes/metadata.db"

static int put_aside(const struct paths *paths, const char *name, const char *refused,
		     struct error *err)
{
	return docker_data_stays(name) ? 0 : move_entry(paths->root, refused, name, err);
}

static int put_back(const struct paths *paths, const char *name, const char *saved,
		    struct error *err)
{
	if (strcmp(name, "volumes") == 0)
		return move_entry(saved, paths->root, VOLUMES, err);
	return move_entry(saved, paths->root, name, err);
}

/*
 * In two steps, the mark telling which: the newer data out of the way, then the copy in their
 * place. A power cut in either one leaves it to be gone on with.
 */
static int restore(int folder, const struct paths *paths, struct docker_data *data,
		   struct error *err)
{
	char saved[PATH_MAX], refused[PATH_MAX - 16], volumes[PATH_MAX];
	int r = 0;

	snprintf(saved, sizeof(saved), "%s/" SAVED "%" PRIu64, paths->folder, data->restoring);
	snprintf(refused, sizeof(refused), "%s/" REFUSED "%" PRIu64, paths->folder, data->version);
	snprintf(volumes, sizeof(volumes), "%s/volumes", refused);
	if (!data->aside) {
		r = io_make_dirs(volumes, err);
		if (r == 0)
			r = for_each(paths->root, paths, refused, put_aside, err);
		if (r == 0)
			r = move_entry(paths->root, refused, VOLUMES, err);
		if (r == 0)
			r = sync_all(folder, paths, err);
		data->aside = true;
		if (r == 0)
			r = write_mark(paths, data, err);
	}
	if (r == 0)
		r = for_each(saved, paths, saved, put_back, err);
	if (r == 0)
		r = docker_data_carry(refused, paths->root, err);
	if (r == 0)
		r = sync_all(folder, paths, err);
	if (r < 0)
		return error_wrap(err, r, "Docker's older data cannot be put back");
	*data = (struct docker_data){.version = data->restoring};
	r = write_mark(paths, data, err);
	return r < 0 ? r : remove_all(paths, SAVED, err);
}

/* A disk that is mounted within the data root cannot be moved, and its content was not copied. */
static int refuse_mount(const struct paths *paths, const char *name, const char *other,
			struct error *err)
{
	char path[PATH_MAX];
	struct stat root, entry;

	(void)other;
	snprintf(path, sizeof(path), "%s/%s", paths->root, name);
	if (docker_data_stays(name) || stat(paths->root, &root) < 0 || lstat(path, &entry) < 0 ||
	    entry.st_dev == root.st_dev)
		return 0;
	return error_set(
		err, -EBUSY,
		"%s is a file system of its own, so Docker's older data cannot be put back", path);
}

/* Does Docker keep anything here? */
static bool has_data(const struct paths *paths)
{
	char image[PATH_MAX];

	snprintf(image, sizeof(image), "%s/image", paths->root);
	return access(image, F_OK) == 0;
}

static int prepare(int folder, const struct paths *paths, uint64_t own, struct error *err)
{
	struct docker_data data;
	int copied = 0, r = 0;

	docker_data_read(paths->root, &data);
	if (data.restores)
		r = restore(folder, paths, &data, err);
	if (r < 0 || docker_data_is_ready(&data, own))
		return r;
	if (has_data(paths)) {
		r = save(folder, paths, data.version, err);
		copied = 1;
	}
	data.version = own;
	if (r == 0)
		r = write_mark(paths, &data, err);
	return r < 0 ? r : copied;
}

int docker_data_prepare(const char *root, uint64_t own, struct error *err)
{
	struct paths paths;
	_cleanup_fd_ int folder = take(&paths, root, err);

	return folder < 0 ? folder : prepare(folder, &paths, own, err);
}

/* Somebody may still need what was refused earlier: refused-N.1, and so on. */
static int keep_refused(const struct paths *paths, struct error *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	uint64_t version;

	while (find(paths, REFUSED, UINT64_MAX, &version)) {
		int r = -EEXIST;

		snprintf(from, sizeof(from), "%s/" REFUSED "%" PRIu64, paths->folder, version);
		for (unsigned int n = 1; r == -EEXIST && n <= REFUSED_MAX; n++) {
			snprintf(to, sizeof(to), "%s/" REFUSED "%" PRIu64 ".%u", paths->folder,
				 version, n);
			r = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 ? -errno
											  : 0;
		}
		if (r < 0)
			return error_set(err, r, "cannot rename %s: %s; remove what is not needed",
					 from, strerror(-r));
	}
	return 0;
}

int docker_data_restore(const char *root, uint64_t own, struct error *err)
{
	struct paths paths;
	struct docker_data data;
	_cleanup_fd_ int folder = take(&paths, root, err);
	int r = 0;

	if (folder < 0)
		return folder;
	docker_data_read(root, &data);
	if (!data.restores) {
		if (data.version <= own || !find(&paths, SAVED, own, &data.restoring))
			return error_set(
				err, -ENOENT,
				"%s holds no copy of Docker's data that this release could read",
				paths.folder);
		r = for_each(root, &paths, NULL, refuse_mount, err);
		if (r == 0)
			r = keep_refused(&paths, err);
		data.restores = true;
		if (r == 0)
			r = write_mark(&paths, &data, err);
	}
	if (r == 0)
		r = prepare(folder, &paths, own, err);
	return r < 0 ? r : 0;
}

int docker_data_accept(const char *root, uint64_t own, struct error *err)
{
	struct paths paths;
	struct docker_data data = {.version = own};

	int r;

	set_paths(&paths, root);
	r = io_make_dirs(paths.folder, err);
	if (r == 0)
		r = write_mark(&paths, &data, err);
	/* Of what is there now it is no copy any more. */
	return r < 0 ? r : remove_all(&paths, SAVED, err);
}

bool docker_data_find_refused(const char *root, char *path, size_t size)
{
	struct paths paths;
	struct dirent *entry;
	_cleanup_dir_ DIR *dir = NULL;
	char name[NAME_MAX + 1] = "";

	set_paths(&paths, root);
	dir = opendir(paths.folder);
	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, REFUSED, strlen(REFUSED)) == 0 &&
		    (!name[0] || strcmp(entry->d_name, name) < 0))
			snprintf(name, sizeof(name), "%s", entry->d_name);
	snprintf(path, size, "%s/%s", paths.folder, name);
	return name[0] != '\0';
}
