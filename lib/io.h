/*
 * Whole reads and writes: short transfers and EINTR are dealt with here.
 */
#ifndef PROA_LIB_IO_H
#define PROA_LIB_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

/*
 * Reads exactly `size` bytes at `offset`. Returns 0, -ENODATA where the file
 * ends before that, or the negative errno of pread(2) (-EIO for its ENODATA).
 */
int io_pread_full(int fd, void *buffer, size_t size, uint64_t offset);

/* Writes exactly `size` bytes at `offset`. Returns 0 or a negative errno. */
int io_pwrite_full(int fd, const void *buffer, size_t size, uint64_t offset);

/* Writes exactly `size` bytes at the file's position. Returns 0 or a negative errno. */
int io_write_full(int fd, const void *buffer, size_t size);

/* Reads up to `size` bytes, fewer only at the end of the file. Returns the count or -errno. */
ssize_t io_read_full(int fd, void *buffer, size_t size);

/*
 * Reads the whole file `path`, which may hold at most `limit` bytes.
 *
 * out, out_size  an allocation that the caller frees; a NUL that `out_size`
 *                does not count stands behind the last byte.
 *
 * Returns 0, -EFBIG where the file is longer than `limit`, or a negative errno.
 */
int io_read_file(const char *path, size_t limit, char **out, size_t *out_size, struct error *err);

/* The same from a descriptor, from its position to its end; `name` is for messages. */
int io_read_fd(int fd, const char *name, size_t limit, char **out, size_t *out_size,
	       struct error *err);

/*
 * Opens a plain file (openat(2), O_CLOEXEC added); `folder` may be AT_FDCWD. What somebody else
 * may have put in its place, a pipe, a terminal or a link, neither holds us up nor leads us
 * elsewhere.
 *
 * Returns the descriptor, -EINVAL where it is no plain file, -ELOOP where it is a link, or
 * another negative errno.
 */
int io_open_regular(int folder, const char *path, int flags, mode_t mode);

/*
 * Replaces `path` as a whole: a temporary file beside it, fsync, rename, fsync
 * of the folder. After a power cut there is the old file or the new one.
 */
int io_replace_file(const char *path, const void *data, size_t size, mode_t mode,
		    struct error *err);

/* Makes names within the folder of `path` as durable as what they name. */
int io_sync_parent(const char *path, struct error *err);

/* Creates `path` and its missing parents (mode 0755). Returns 0 or a negative errno. */
int io_make_dirs(const char *path, struct error *err);

/*
 * Takes the file's exclusive lock (flock(2)), waiting for `wait_ms` at the most.
 * Returns 0, -EWOULDBLOCK where another holds it still, or a negative errno.
 */
int io_lock(int fd, unsigned int wait_ms);

#endif
