#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

int io_pread_full(int fd, void *buffer, size_t size, uint64_t offset)
{
	uint8_t *at = buffer;

	while (size > 0) {
		ssize_t n = pread(fd, at, size, (off_t)offset);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			/* A bad sector (BLK_STS_MEDIUM), which is no end of the file. */
			return errno == ENODATA ? -EIO : -errno;
		}
		if (n == 0)
			return -ENODATA;
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int io_pwrite_full(int fd, const void *buffer, size_t size, uint64_t offset)
{
	const uint8_t *at = buffer;

	while (size > 0) {
		ssize_t n = pwrite(fd, at, size, (off_t)offset);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int io_write_full(int fd, const void *buffer, size_t size)
{
	const uint8_t *at = buffer;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t io_read_full(int fd, void *buffer, size_t size)
{
	uint8_t *at = buffer;
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, at + done, size - done);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_read_fd(int fd, const char *name, size_t limit, char **out, size_t *out_size,
	       struct error *err)
{
	_cleanup_free_ char *data = NULL;
	size_t room = 0, used = 0;

	for (;;) {
		ssize_t n;

		if (used + 1 >= room) {
			size_t grown = room ? room * 2 : 4096;
			char *bigger;

			/* One byte past the limit is enough to know that it was passed. */
			if (grown > limit + 2)
				grown = limit + 2;
			bigger = realloc(data, grown);
			if (!bigger)
				return error_oom(err);
			data = bigger;
			room = grown;
		}
		n = io_read_full(fd, data + used, room - used - 1);
		if (n < 0) {
			errno = (int)-n;
			return error_errno(err, "cannot read %s", name);
		}
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > limit)
			return error_set(err, -EFBIG, "%s is larger than the limit of %zu bytes",
					 name, limit);
	}
	data[used] = '\0';
	*out = ptr_take(data);
	if (out_size)
		*out_size = used;
	return 0;
}

int io_read_file(const char *path, size_t limit, char **out, size_t *out_size, struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return io_read_fd(fd, path, limit, out, out_size, err);
}

int io_sync_parent(const char *path, struct error *err)
{
	_cleanup_free_ char *parent = strdup(path);
	_cleanup_fd_ int fd = -1;
	char *slash;

	if (!parent)
		return error_oom(err);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent ? 1 : 0] = '\0';
	fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot sync the folder of %s", path);
	return 0;
}

int io_open_regular(int folder, const char *path, int flags, mode_t mode)
{
	struct stat status;
	int fd = openat(folder, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

int io_replace_file(const char *path, const void *data, size_t size, mode_t mode,
		    struct error *err)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.new", path) < 0) {
		temporary = NULL;
		return error_oom(err);
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return error_errno(err, "cannot create %s", temporary);
	r = io_write_full(fd, data, size);
	if (r < 0)
		errno = -r;
	/* The data must be on the disk before the name points at it. */
	if (r < 0 || fsync(fd) < 0 || rename(temporary, path) < 0) {
		r = error_errno(err, "cannot write %s", path);
		unlink(temporary);
		return r;
	}
	return io_sync_parent(path, err);
}

int io_make_dirs(const char *path, struct error *err)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return error_oom(err);
	for (char *at = copy + 1;; at++) {
		char kept = *at;

		if (kept != '/' && kept != '\0')
			continue;
		*at = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return error_errno(err, "cannot create the folder %s", copy);
		*at = kept;
		if (kept == '\0')
			return 0;
	}
}

int io_lock(int fd, unsigned int wait_ms)
{
	enum { PAUSE_MS = 100 };
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (unsigned int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += PAUSE_MS) {
		if (errno != EWOULDBLOCK || waited_ms >= wait_ms)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}
