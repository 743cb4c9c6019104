/*
 * Preloaded into a program: notes all that it writes to the file RECORD_DISK, and when it makes
 * that durable, in the file RECORD_LOG. So a test can make the disk of every power cut.
 * RECORD_BAD is a byte of the disk that cannot be read, or with "w" in front not written.
 * RECORD_KILL is the number of the note behind which the program is killed, from 1 on.
 *
 * A note is, in the machine's own byte order: u64 kind ('w' written, 'd' written and durable,
 * 's' synced), u64 offset, u64 length, then the bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_disk(int fd)
{
	const char *disk = getenv("RECORD_DISK");
	struct stat ours, this;

	return disk && stat(disk, &ours) == 0 && fstat(fd, &this) == 0 &&
	       ours.st_dev == this.st_dev && ours.st_ino == this.st_ino;
}

/* Does the disk fail there? Sets errno. */
static int is_bad(char what, int fd, uint64_t offset, uint64_t size)
{
	const char *bad = getenv("RECORD_BAD");
	uint64_t at;

	if (!bad || (*bad == 'w') != (what == 'w') || !is_disk(fd))
		return 0;
	at = strtoull(*bad == 'w' ? bad + 1 : bad, NULL, 10);
	if (at < offset || at >= offset + size)
		return 0;
	errno = EIO;
	return 1;
}

static void note(uint64_t kind, uint64_t offset, const void *data, uint64_t size)
{
	const char *path = getenv("RECORD_LOG");
	int log = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	uint64_t head[3] = {kind, offset, size};
	struct iovec parts[] = {{head, sizeof(head)}, {(void *)data, size}};
	const char *end = getenv("RECORD_KILL");
	static unsigned long count;

	if (end && __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == strtoul(end, NULL, 10))
		kill(getpid(), SIGKILL);
	if (!path)
		return;
	/* Without a record the test means nothing. */
	if (log < 0 || writev(log, parts, 2) != (ssize_t)(sizeof(head) + size))
		abort();
	close(log);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
	ssize_t n = is_bad('w', fd, (uint64_t)offset, size) ? -1 : real(fd, data, size, offset);

	if (n > 0 && is_disk(fd))
		note(fcntl(fd, F_GETFL) & O_SYNC ? 'd' : 'w', (uint64_t)offset, data, (uint64_t)n);
	return n;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
	ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");

	return is_bad('r', fd, (uint64_t)offset, size) ? -1 : real(fd, data, size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	return pread64(fd, data, size, offset);
}

int fdatasync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
	int r = real(fd);

	if (r == 0 && is_disk(fd))
		note('s', 0, NULL, 0);
	return r;
}

int fsync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
	int r = real(fd);

	if (r == 0 && is_disk(fd))
		note('s', 0, NULL, 0);
	return r;
}
