#include "lib/format/pastcache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int pastcache_open(int fd, struct error *err)
{
	char path[32];
	int again;

	/* EROFS, EINVAL: a descriptor that was never written through has nothing to sync. */
	if (fdatasync(fd) < 0 && errno != EROFS && errno != EINVAL)
		return error_errno(err, "cannot write out what was cached");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (again >= 0)
		return again;
	/*
	 * tmpfs and some network file systems know no O_DIRECT; without /proc a copy
	 * must do. Only clean pages can be dropped: fdatasync came first.
	 */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return again >= 0 ? again : error_errno(err, "cannot open a file again to read it back");
}
