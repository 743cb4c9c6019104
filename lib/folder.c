#include "lib/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum {
	LINKS_MAX = 40, /* as many as the kernel follows (path_resolution(7)) */
	FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
};

/* What is still to be followed, and where from. */
struct walk {
	int fd;
	unsigned links;
	char rest[PATH_MAX];
};

static bool is_only_ours(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_uid == 0 || status.st_uid == geteuid()) &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static void move_to(struct walk *walk, int fd)
{
	close(walk->fd);
	walk->fd = fd;
}

/* Puts what the link says in front of the rest. */
static int follow(struct walk *walk, const char *name, struct error *err)
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t size = readlinkat(walk->fd, name, target, sizeof(target) - 1);
	int wrote;

	if (size < 0)
		return error_set(err, -ENOTDIR, "%s is no folder", name);
	target[size] = '\0';
	if (!is_only_ours(walk->fd))
		return error_set(err, -ELOOP,
				 "%s is a link, in a folder that others than root can write to",
				 name);
	wrote = snprintf(joined, sizeof(joined), "%s/%s", target, walk->rest);
	if (++walk->links > LINKS_MAX || wrote < 0 || (size_t)wrote >= sizeof(joined))
		return error_set(err, -ELOOP, "%s: too many links", name);
	memcpy(walk->rest, joined, (size_t)wrote + 1);
	if (target[0] == '/') {
		int root = open("/", FLAGS);

		if (root < 0)
			return error_errno(err, "cannot open /");
		move_to(walk, root);
	}
	return 0;
}

static int enter(struct walk *walk, const char *name, struct error *err)
{
	int fd = openat(walk->fd, name, FLAGS | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(walk->fd, name, 0755) < 0 && errno != EEXIST)
			return error_errno(err, "cannot create the folder %s", name);
		fd = openat(walk->fd, name, FLAGS | O_NOFOLLOW);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return follow(walk, name, err);
	if (fd < 0)
		return error_errno(err, "cannot open the folder %s", name);
	move_to(walk, fd);
	return 0;
}

/* Takes the next part off the path; false behind the last. */
static bool next_name(struct walk *walk, char *name)
{
	const char *at = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(at, "/");

	memcpy(name, at, length);
	name[length] = '\0';
	memmove(walk->rest, at + length, strlen(at + length) + 1);
	return length > 0;
}

int folder_open(const char *path, struct error *err)
{
	struct walk walk = {.fd = open("/", FLAGS)};
	char name[PATH_MAX];
	int r = 0;

	if (walk.fd < 0)
		return error_errno(err, "cannot open /");
	if (strlen(path) >= sizeof(walk.rest))
		r = error_set(err, -ENAMETOOLONG, "the path is too long");
	else
		strcpy(walk.rest, path);
	while (r == 0 && next_name(&walk, name))
		r = enter(&walk, name, err);
	if (r == 0)
		return walk.fd;
	close(walk.fd);
	return r;
}
