#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/services/docker_data.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { BLOCK = 4096 };

/*
 * In the data root, and not in a copy: they are large, or cost nothing to lose. A folder that
 * is not listed here is copied: what a later Docker keeps is more likely to be small and of
 * value than large.
 */
static const struct {
	const char *pattern;
	bool stays; /* in place, whichever metadata are in force: Docker's layers, a person's own */
} left[] =
	{
		{"overlay2", true},      {"fuse-overlayfs", true},
		{"btrfs", true},         {"vfs", true},
		{"zfs", true},           {"containerd", true},
		{"volumes", true}, /* but their database, which names their drivers and labels */
		{"lost+found", true},    {DOCKER_DATA_FOLDER, true},
		{"[0-9]*.[0-9]*", true}, /* another root, of a dockerd with --userns-remap */
		{"tmp", true},           {"runtimes", true},
		{"buildkit", false}, /* its cache; an older engine may refuse it, and makes another
				      */
};

/*
 * In folders that are copied. They hold no format that changes, can be of any size, and go on
 * growing: so they follow the container and the plugin that they belong to.
 */
static const char *const carried[] = {
	"containers/*/*-json.log*", "containers/*/local-logs", "containers/*/checkpoints",
	"containers/*/mounts",      "plugins/*/rootfs",        "plugins/*/propagated-mount",
	"plugins/storage",
};

#define VOLUMES "volumes/metadata.db"

bool docker_data_stays(const char *name)
{
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i].stays && fnmatch(left[i].pattern, name, 0) == 0)
			return true;
	return false;
}

bool docker_data_is_copied(const char *path)
{
	if (strcmp(path, "volumes") == 0 || strcmp(path, VOLUMES) == 0)
		return true;
	if (strncmp(path, "volumes/", strlen("volumes/")) == 0)
		return false;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (fnmatch(left[i].pattern, path, FNM_PATHNAME) == 0)
			return false;
	for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++)
		if (fnmatch(carried[i], path, FNM_PATHNAME) == 0)
			return false;
	return true;
}

/* Sockets, pipes and devices come anew with whoever makes them. */
static bool is_content(const FTSENT *entry)
{
	return entry->fts_info == FTS_D || entry->fts_info == FTS_F || entry->fts_info == FTS_SL;
}

typedef int (*visit)(const FTSENT *entry, const char *path, void *data, struct error *err);

/* Calls `fn` for all that is copied, folders before what is in them. */
static int walk(const char *root, visit fn, void *data, struct error *err)
{
	char *const roots[] = {(char *)root, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int r = 0;

	if (!tree)
		return error_errno(err, "cannot open %s", root);
	while (r == 0 && (errno = 0, entry = fts_read(tree))) {
		const char *path = entry->fts_path + strlen(root);

		path += *path == '/';
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS) {
			errno = entry->fts_errno;
			r = error_errno(err, "cannot read %s", entry->fts_path);
		} else if (entry->fts_info != FTS_DP && *path && !docker_data_is_copied(path)) {
			fts_set(tree, entry, FTS_SKIP);
		} else if (is_content(entry)) {
			r = fn(entry, path, data, err);
		}
	}
	if (r == 0 && errno)
		r = error_errno(err, "cannot read %s", root);
	fts_close(tree);
	return r;
}

struct measure {
	uint64_t bytes, files;
};

static int measure_one(const FTSENT *entry, const char *path, void *data, struct error *err)
{
	struct measure *sum = data;
	uint64_t size = (uint64_t)entry->fts_statp->st_size;

	(void)path;
	(void)err;
	sum->bytes += (size + BLOCK - 1) / BLOCK * BLOCK;
	sum->files++;
	return 0;
}

int docker_data_measure(const char *root, uint64_t *bytes, uint64_t *files, struct error *err)
{
	struct measure sum = {0};
	int r = walk(root, measure_one, &sum, err);

	*bytes = sum.bytes;
	*files = sum.files;
	return r;
}

static int copy_bytes(int from, int to, const char *name, struct error *err)
{
	static char buffer[64 << 10];
	ssize_t got;

	while ((got = io_read_full(from, buffer, sizeof(buffer))) > 0) {
		int r = io_write_full(to, buffer, (size_t)got);

		if (r < 0) {
			errno = -r;
			return error_errno(err, "cannot write %s", name);
		}
	}
	errno = got < 0 ? (int)-got : 0;
	return got < 0 ? error_errno(err, "cannot read what becomes %s", name) : 0;
}

static int copy_file(const FTSENT *entry, const char *to, struct error *err)
{
	const struct stat *info = entry->fts_statp;
	const struct timespec times[2] = {info->st_atim, info->st_mtim};
	_cleanup_fd_ int in = open(entry->fts_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	int r;

	if (in < 0)
		return error_errno(err, "cannot open %s", entry->fts_path);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return error_errno(err, "cannot create %s", to);
	r = copy_bytes(in, out, to, err);
	/* The owner first: changing it takes set-user-id bits away. */
	if (r == 0 && (fchown(out, info->st_uid, info->st_gid) < 0 ||
		       fchmod(out, info->st_mode & 07777) < 0 || futimens(out, times) < 0))
		r = error_errno(err, "cannot set the owner of %s", to);
	return r;
}

static int copy_link(const FTSENT *entry, const char *to, struct error *err)
{
	char target[PATH_MAX];
	ssize_t size = readlink(entry->fts_path, target, sizeof(target) - 1);

	if (size < 0)
		return error_errno(err, "cannot read the link %s", entry->fts_path);
	target[size] = '\0';
	return symlink(target, to) < 0 ? error_errno(err, "cannot create %s", to) : 0;
}

static int copy_one(const FTSENT *entry, const char *path, void *data, struct error *err)
{
	const struct stat *info = entry->fts_statp;
	_cleanup_free_ char *to = NULL;

	if (asprintf(&to, "%s/%s", (const char *)data, path) < 0)
		return error_oom(err);
	if (entry->fts_info == FTS_F)
		return copy_file(entry, to, err);
	if (entry->fts_info == FTS_SL)
		return copy_link(entry, to, err);
	if (mkdir(to, 0700) < 0 || chown(to, info->st_uid, info->st_gid) < 0 ||
	    chmod(to, info->st_mode & 07777) < 0)
		return error_errno(err, "cannot create %s", to);
	return 0;
}

int docker_data_copy(const char *root, const char *to, struct error *err)
{
	return walk(root, copy_one, (void *)to, err);
}

static int carry_one(const char *from, const char *path, const char *root, struct error *err)
{
	_cleanup_free_ char *to = NULL;

	if (asprintf(&to, "%s/%s", root, path) < 0)
		return error_oom(err);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 || errno == EEXIST ||
	    errno == ENOENT || errno == ENOTDIR)
		return 0;
	return error_errno(err, "cannot move %s to %s", from, to);
}

int docker_data_carry(const char *from, const char *root, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(carried) / sizeof(carried[0]); i++) {
		_cleanup_free_ char *pattern = NULL;
		glob_t found;

		if (asprintf(&pattern, "%s/%s", from, carried[i]) < 0)
			return error_oom(err);
		if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
			continue;
		for (size_t n = 0; r == 0 && n < found.gl_pathc; n++)
			r = carry_one(found.gl_pathv[n], found.gl_pathv[n] + strlen(from) + 1, root,
				      err);
		globfree(&found);
	}
	return r;
}
