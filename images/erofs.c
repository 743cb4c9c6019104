#include "images/erofs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/io.h"

/* Of no meaning, and the same in every image: nothing looks for a slot by its UUID. */
#define UUID "50524f41-0000-4000-8000-000000000000"

/* erofs_fs.h: the superblock at byte 1024, its magic first, log2 of the block size at 12. */
enum { SUPERBLOCK = 1024, BLOCK_BITS = 12 };
#define EROFS_MAGIC UINT32_C(0xe0f5e1e2)

static int run_mkfs(const char *mkfs, const char *tree, const char *path, uint64_t time,
		    struct error *err)
{
	char stamp[32];
	int status;
	pid_t child;

	snprintf(stamp, sizeof(stamp), "-T%llu", (unsigned long long)time);
	child = fork();
	if (child < 0)
		return error_errno(err, "cannot start %s", mkfs);
	if (child == 0) {
		/*
		 * "noinline_data" is the old spelling of "^inline_data"; every version
		 * since 1.5 knows it. stdout is ours: what it prints is no result.
		 */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		/* With it set, mkfs.erofs keeps the times of files that are older than -T. */
		unsetenv("SOURCE_DATE_EPOCH");
		execlp(mkfs, mkfs, "-Enoinline_data", stamp, "-U" UUID, "--quiet", path, tree,
		       (char *)NULL);
		fprintf(stderr, "proa-image: cannot run %s: %s\n", mkfs, strerror(errno));
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, "cannot wait for %s", mkfs);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, -EIO,
				 "%s failed on %s; what it said stands above (it comes with "
				 "Debian's erofs-utils)",
				 mkfs, tree);
	return 0;
}

int erofs_make(const char *mkfs, const char *tree, const char *path, uint64_t time,
	       uint64_t *size, struct error *err)
{
	_cleanup_fd_ int fd = -1;
	uint8_t superblock[16];
	struct stat st;
	int r;

	/* mkfs.erofs writes into a file that is there: old bytes must not shine through. */
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(err, "cannot replace %s", path);
	r = run_mkfs(mkfs, tree, path, time, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot open %s", path);
	r = io_pread_full(fd, superblock, sizeof(superblock), SUPERBLOCK);
	if (r < 0 || bytes_get_le32(superblock) != EROFS_MAGIC || superblock[12] != BLOCK_BITS ||
	    st.st_size % MANIFEST_BLOCK_SIZE != 0)
		return error_set(err, -EINVAL, "%s did not make an EROFS image of 4 KiB blocks",
				 mkfs);
	*size = (uint64_t)st.st_size;
	return 0;
}

/* A file or an image, to be read as memory. */
struct mapping {
	const uint8_t *data;
	size_t size;
};

static void cleanup_mapping(struct mapping *mapping)
{
	if (mapping->data)
		munmap((void *)(uintptr_t)mapping->data, mapping->size);
}
#define _cleanup_mapping_ _cleanup_(cleanup_mapping)

static int map(int fd, const char *name, size_t size, struct mapping *out, struct error *err)
{
	void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (data == MAP_FAILED)
		return error_errno(err, "cannot map %s", name);
	*out = (struct mapping){.data = data, .size = size};
	return 0;
}

int erofs_locate(int image_fd, uint64_t image_size, const char *path, struct byte_range *out,
		 struct error *err)
{
	_cleanup_mapping_ struct mapping image = {.data = NULL}, file = {.data = NULL};
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot open the boot loader file %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return error_set(err, -EINVAL, "the boot loader file %s is empty or no file", path);
	r = map(image_fd, "the image", image_size, &image, err);
	if (r == 0)
		r = map(fd, path, (size_t)st.st_size, &file, err);
	if (r < 0)
		return r;
	for (uint64_t at = 0; at + file.size <= image.size; at += MANIFEST_BLOCK_SIZE) {
		if (memcmp(image.data + at, file.data, file.size) != 0)
			continue;
		*out = (struct byte_range){.offset = at, .size = file.size};
		return 0;
	}
	return error_set(err, -ENOENT, "%s does not lie in the image as one run of blocks", path);
}
