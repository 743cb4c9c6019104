#include "init/services/support_tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	BLOCK = 512,
	LEVEL = 6,
	/* Places in a header (POSIX.1-1988, 10.1.1). */
	AT_MODE = 100,
	AT_UID = 108,
	AT_GID = 116,
	AT_SIZE = 124,
	AT_TIME = 136,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257,
	SUM_SIZE = 8,
};

static int put(int fd, const char *data, size_t size, struct error *err)
{
	size_t room = ZSTD_compressBound(size);
	_cleanup_free_ char *packed = malloc(room);
	size_t got;
	int r;

	if (!packed)
		return error_oom(err);
	got = ZSTD_compress(packed, room, data, size, LEVEL);
	if (ZSTD_isError(got))
		return error_set(err, -EIO, "cannot pack it: %s", ZSTD_getErrorName(got));
	r = io_write_full(fd, packed, got);
	return r < 0 ? error_set(err, r, "cannot write it: %s", strerror(-r)) : 0;
}

static void make_header(char *block, const char *name, size_t size, uint64_t time)
{
	unsigned int sum = 0;

	memcpy(block, name, strlen(name));
	memcpy(block + AT_MODE, "0000600", 7);
	memcpy(block + AT_UID, "0000000", 7);
	memcpy(block + AT_GID, "0000000", 7);
	snprintf(block + AT_SIZE, 12, "%011llo", (unsigned long long)size & 077777777777ULL);
	snprintf(block + AT_TIME, 12, "%011llo", (unsigned long long)time & 077777777777ULL);
	block[AT_TYPE] = '0';
	memcpy(block + AT_MAGIC, "ustar\00000", 8);
	/* Over the header, with blanks where the sum will stand. */
	memset(block + AT_SUM, ' ', SUM_SIZE);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + AT_SUM, SUM_SIZE - 1, "%06o", sum);
}

int support_tar_add(int fd, const char *name, const char *data, size_t size, uint64_t time,
		    struct error *err)
{
	size_t padded = (size + BLOCK - 1) / BLOCK * BLOCK;
	_cleanup_free_ char *file = NULL;

	if (strlen(name) > SUPPORT_TAR_NAME_MAX)
		return error_set(err, -ENAMETOOLONG, "%s: too long a name", name);
	file = calloc(1, BLOCK + padded);
	if (!file)
		return error_oom(err);
	make_header(file, name, size, time);
	if (size)
		memcpy(file + BLOCK, data, size);
	return put(fd, file, BLOCK + padded, err);
}

int support_tar_end(int fd, struct error *err)
{
	static const char end[2 * BLOCK];

	return put(fd, end, sizeof(end), err);
}
