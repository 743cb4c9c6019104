#include "images/put.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { PIECE = 1 << 20 };

/* From one descriptor to the other (-1: nowhere), with the hash of what passes. */
static int pass(int from, int to, const char *name, uint8_t sha256[HASH_SIZE], struct error *err)
{
	_cleanup_free_ uint8_t *piece = malloc(PIECE);
	_cleanup_hash_ struct hash *hash = hash_new();
	ssize_t n;

	if (!piece || !hash)
		return error_oom(err);
	while ((n = io_read_full(from, piece, PIECE)) > 0) {
		int r = to < 0 ? 0 : io_write_full(to, piece, (size_t)n);

		if (r < 0)
			return error_set(err, r, "cannot write the copy of %s: %s", name,
					 strerror(-r));
		if (hash_update(hash, piece, (size_t)n) < 0)
			return error_set(err, -EIO, "OpenSSL could not hash %s", name);
	}
	if (n < 0)
		return error_set(err, (int)n, "cannot read %s: %s", name, strerror((int)-n));
	return hash_final(hash, sha256) < 0
		       ? error_set(err, -EIO, "OpenSSL could not hash %s", name)
		       : 0;
}

int put_hash(int fd, const char *name, uint8_t out[HASH_SIZE], struct error *err)
{
	return pass(fd, -1, name, out, err);
}

static int copy(const char *from, const char *to, const uint8_t sha256[HASH_SIZE],
		struct error *err)
{
	_cleanup_fd_ int source = open(from, O_RDONLY | O_CLOEXEC), target = -1;
	uint8_t copied[HASH_SIZE];
	int r;

	if (source < 0)
		return error_errno(err, "cannot open %s", from);
	target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (target < 0)
		return error_errno(err, "cannot create %s", to);
	r = pass(source, target, from, copied, err);
	if (r == 0 && memcmp(copied, sha256, HASH_SIZE) != 0)
		r = error_set(err, -EAGAIN,
			      "%s has changed since it was checked; leave it alone and run this "
			      "again",
			      from);
	if (r == 0 && fsync(target) < 0)
		r = error_errno(err, "cannot write %s", to);
	return r;
}

int put_copy(const char *folder, const char *name, const char *from,
	     const uint8_t sha256[HASH_SIZE], struct error *err)
{
	_cleanup_free_ char *path = NULL, *new_path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		path = NULL;
	if (asprintf(&new_path, "%s/%s.new", folder, name) < 0)
		new_path = NULL;
	if (!path || !new_path)
		return error_oom(err);
	r = copy(from, new_path, sha256, err);
	if (r == 0 && rename(new_path, path) < 0)
		r = error_errno(err, "cannot rename %s", new_path);
	if (r < 0) {
		unlink(new_path);
		return r;
	}
	return io_sync_parent(path, err);
}

static bool has(const char *path, const void *data, size_t size)
{
	_cleanup_free_ char *there = NULL;
	size_t there_size = 0;

	return io_read_file(path, size, &there, &there_size, NULL) == 0 && there_size == size &&
	       memcmp(there, data, size) == 0;
}

int put_bytes(const char *folder, const char *name, const void *data, size_t size,
	      struct error *err)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return error_oom(err);
	}
	if (has(path, data, size))
		return 0;
	r = io_replace_file(path, data, size, 0644, err);
	return r < 0 ? r : 1;
}
