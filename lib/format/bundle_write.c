#include "lib/format/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { COPY_SIZE = 256 << 10 };

static void cleanup_archive(struct archive **archive)
{
	archive_write_free(*archive);
}

static int fail_write(struct archive *archive, struct error *err)
{
	return error_set(err, -EIO, "cannot write the bundle: %s", archive_error_string(archive));
}

/* A member's header: nothing in it comes from the machine that writes it. */
static int begin(struct archive *archive, const char *name, uint64_t size, uint64_t time,
		 struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (!entry)
		return error_oom(err);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, (time_t)time, 0);
	r = archive_write_header(archive, entry);
	archive_entry_free(entry);
	return r == ARCHIVE_OK ? 0 : fail_write(archive, err);
}

static int put(struct archive *archive, const void *data, size_t size, struct error *err)
{
	return archive_write_data(archive, data, size) == (la_ssize_t)size
		       ? 0
		       : fail_write(archive, err);
}

static int put_file(struct archive *archive, int fd, uint64_t size, struct error *err)
{
	_cleanup_free_ uint8_t *buffer = malloc(COPY_SIZE);

	if (!buffer)
		return error_oom(err);
	while (size > 0) {
		size_t now = size < COPY_SIZE ? (size_t)size : COPY_SIZE;
		ssize_t n = io_read_full(fd, buffer, now);
		int r;

		if (n < 0)
			return error_set(err, (int)n, "cannot read the packed data: %s",
					 strerror((int)-n));
		if ((size_t)n != now)
			return error_set(err, -ENODATA, "the packed data is shorter than it was");
		r = put(archive, buffer, now, err);
		if (r < 0)
			return r;
		size -= now;
	}
	return 0;
}

int bundle_write(int fd, const struct manifest *manifest, const char *manifest_text,
		 size_t manifest_size, const struct signatures *signatures, const uint8_t *index,
		 size_t index_size, int data_fd, struct error *err)
{
	_cleanup_(cleanup_archive) struct archive *archive = archive_write_new();
	char signature[SIGNATURES_SIZE_MAX];
	size_t signature_size = signatures_render(signatures, signature);
	uint64_t time = manifest->build_time;
	int r;

	if (!archive)
		return error_oom(err);
	/* The last write is not padded: the tar ends with its two blocks of zeros. */
	if (archive_write_set_format_ustar(archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		return fail_write(archive, err);
	r = begin(archive, "manifest", manifest_size, time, err);
	if (r == 0)
		r = put(archive, manifest_text, manifest_size, err);
	if (r == 0)
		r = begin(archive, "manifest.sig", signature_size, time, err);
	if (r == 0)
		r = put(archive, signature, signature_size, err);
	if (r == 0)
		r = begin(archive, "index", index_size, time, err);
	if (r == 0)
		r = put(archive, index, index_size, err);
	if (r == 0)
		r = begin(archive, "data", manifest->data_size, time, err);
	if (r == 0)
		r = put_file(archive, data_fd, manifest->data_size, err);
	if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
		r = fail_write(archive, err);
	return r;
}
