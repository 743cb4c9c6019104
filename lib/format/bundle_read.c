#include "lib/format/bundle.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "lib/ahead.h"
#include "lib/cleanup.h"
#include "lib/format/frame.h"

enum {
	TAR_BLOCK = 512,
	TAR_END = 2 * TAR_BLOCK,        /* two blocks of zeros end a tar */
	TAR_PADDING_MAX = 20 * TAR_BLOCK, /* tar(1)'s blocking factor: as many may follow */
	INPUT_SIZE = 64 << 10,
};

struct bundle {
	struct bundle_head head;
	uint8_t *raw[AHEAD_PLACES]; /* a frame each */

	/* The caller's thread: what it has been given so far. */
	uint32_t given, chunk;
	uint64_t image_offset;
	struct hash *chunk_hash;
	struct ahead *ahead;
	int stop; /* an eventfd: ends the wait for input */

	/* From the first bundle_next on, all below is the thread's that reads and unpacks. */
	int fd;
	struct archive *archive;
	struct hash *data_hash;
	ZSTD_DCtx *zstd;
	uint8_t *packed; /* one frame */
	uint32_t frame;  /* the next one */

	uint64_t received; /* bytes read from fd */
	uint64_t end;      /* where the last member ends; UINT64_MAX: not known yet */
	uint64_t members;  /* bytes of the members so far, headers and padding included */
	bool garbage;      /* something but zeros stood behind `end` */
	int read_error;    /* of read(2): libarchive would pass on its words, not its number */
	size_t input_used;
	uint8_t input[INPUT_SIZE];
};

/* Only zeros may follow the last member: looks at what `input` holds of that. */
static void check_tail(struct bundle *b)
{
	uint64_t start = b->received - b->input_used;
	size_t i = 0;

	if (b->received <= b->end)
		return;
	if (start < b->end)
		i = (size_t)(b->end - start);
	for (; i < b->input_used; i++)
		if (b->input[i] != 0)
			b->garbage = true;
}

/* Waits for input, or for bundle_close: a pipe's other end may be silent for ever. */
static int await_input(const struct bundle *b)
{
	struct pollfd fds[] = {
		{.fd = b->fd, .events = POLLIN},
		{.fd = b->stop, .events = POLLIN},
	};

	/* poll(2) passes over such a one: it would wait for ever. */
	if (b->fd < 0)
		return -EBADF;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return fds[1].revents ? -ECANCELED : 0;
}

static ssize_t fill_input(struct bundle *b)
{
	ssize_t n = await_input(b);

	if (n < 0)
		return n;
	do
		n = read(b->fd, b->input, sizeof(b->input));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	b->input_used = (size_t)n;
	b->received += (uint64_t)n;
	check_tail(b);
	return n;
}

static la_ssize_t on_read(struct archive *archive, void *context, const void **buffer)
{
	struct bundle *b = context;
	ssize_t n = fill_input(b);

	if (n < 0) {
		b->read_error = (int)n;
		archive_set_error(archive, (int)-n, "%s", strerror((int)-n));
		return -1;
	}
	*buffer = b->input;
	return n;
}

static int fail_read(struct bundle *b, const char *what, struct error *err)
{
	const char *why = archive_error_string(b->archive);

	return error_set(err, b->read_error ? b->read_error : -EBADMSG,
			 "cannot read %s of the bundle: %s", what, why ? why : "it ends early");
}

static int open_archive(struct bundle *b, struct error *err)
{
	b->archive = archive_read_new();
	if (!b->archive)
		return error_oom(err);
	/* Tar, and nothing around it: no other reader of libarchive sees foreign bytes. */
	if (archive_read_support_format_tar(b->archive) != ARCHIVE_OK ||
	    archive_read_open(b->archive, b, NULL, on_read, NULL) != ARCHIVE_OK)
		return b->read_error ? fail_read(b, "the start", err)
				     : error_set(err, -EBADMSG, "this is no Proa bundle");
	return 0;
}

/* It is not ours, whatever it is: none of it that would steer a terminal goes into a message. */
static int wrong_member(const struct bundle *b, const char *found, const char *name,
			struct error *err)
{
	char shown[65];

	snprintf(shown, sizeof(shown), "%s", found ? found : "");
	for (char *c = shown; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return error_set(err, -EBADMSG, "%s: its member \"%s\" should be \"%s\"",
			 b->members ? "the bundle is damaged" : "this is no Proa bundle", shown,
			 name);
}

/* The next member must be the plain file `name`; gives its size. */
static int open_member(struct bundle *b, const char *name, uint64_t *size, struct error *err)
{
	struct archive_entry *entry;
	const char *found;
	la_int64_t bytes;
	int r = archive_read_next_header(b->archive, &entry);

	if (r == ARCHIVE_EOF && b->members > 0)
		return error_set(err, -EBADMSG, "the bundle is cut off: it has no \"%s\"", name);
	if (r != ARCHIVE_OK && b->members == 0 && !b->read_error)
		return error_set(err, -EBADMSG, "this is no Proa bundle");
	if (r != ARCHIVE_OK)
		return fail_read(b, name, err);
	found = archive_entry_pathname(entry);
	if (!found || strcmp(found, name) != 0)
		return wrong_member(b, found, name, err);
	bytes = archive_entry_size(entry);
	/* Plain ustar has exactly one header block a member: the end can be computed. */
	if (archive_format(b->archive) != ARCHIVE_FORMAT_TAR_USTAR ||
	    archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
	    bytes < 0)
		return error_set(err, -EBADMSG, "the bundle's \"%s\" is not a plain ustar file",
				 name);
	*size = (uint64_t)bytes;
	b->members += TAR_BLOCK + (*size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return 0;
}

static int read_member(struct bundle *b, const char *name, void *out, size_t size,
		       struct error *err)
{
	uint8_t *at = out;

	while (size > 0) {
		la_ssize_t n = archive_read_data(b->archive, at, size);

		if (n < 0)
			return fail_read(b, name, err);
		if (n == 0)
			return error_set(err, -EBADMSG, "the bundle is cut off in its \"%s\"",
					 name);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A small member, whole, into a buffer of `limit` bytes. */
static int read_small(struct bundle *b, const char *name, char *out, size_t limit, size_t *size,
		      struct error *err)
{
	uint64_t bytes = 0;
	int r = open_member(b, name, &bytes, err);

	if (r < 0)
		return r;
	if (bytes > limit)
		return error_set(err, -EBADMSG, "the bundle's \"%s\" is larger than %zu bytes",
				 name, limit);
	*size = (size_t)bytes;
	return read_member(b, name, out, *size, err);
}

static int read_manifest(struct bundle *b, const struct keyring *ring, struct error *err)
{
	struct bundle_head *head = &b->head;
	struct signatures signatures;
	int r = read_small(b, "manifest", head->manifest_text, sizeof(head->manifest_text),
			   &head->manifest_size, err);

	if (r == 0)
		r = read_small(b, "manifest.sig", head->signature_text,
			       sizeof(head->signature_text), &head->signature_size, err);
	if (r == 0)
		r = signatures_parse(head->signature_text, head->signature_size, &signatures, err);
	if (r == 0 && ring)
		r = signatures_verify(&signatures, ring, SIGN_ROLE_RELEASE, head->manifest_text,
				      head->manifest_size, "the bundle's manifest", &head->signer,
				      err);
	if (r == 0)
		r = manifest_parse(head->manifest_text, head->manifest_size, &head->manifest, err);
	if (r == 0 && ring)
		r = manifest_check_target(&head->manifest, err);
	return r;
}

static int read_index(struct bundle *b, struct error *err)
{
	const struct manifest *m = &b->head.manifest;
	_cleanup_free_ uint8_t *bytes = NULL;
	uint8_t digest[HASH_SIZE];
	uint64_t size = 0;
	int r = open_member(b, "index", &size, err);

	if (r < 0)
		return r;
	/* manifest_parse has bounded index_size. */
	if (size != m->index_size)
		return error_set(err, -EBADMSG, "the bundle's index is %llu bytes long, not %llu",
				 (unsigned long long)size, (unsigned long long)m->index_size);
	bytes = malloc((size_t)size);
	if (!bytes)
		return error_oom(err);
	r = read_member(b, "index", bytes, (size_t)size, err);
	if (r < 0)
		return r;
	r = hash_bytes(bytes, (size_t)size, digest);
	if (r < 0)
		return error_set(err, r, "OpenSSL could not hash the index");
	if (memcmp(digest, m->index_sha256, HASH_SIZE) != 0)
		return error_set(err, -EBADMSG,
				 "the bundle is damaged: its index has the wrong hash");
	r = index_parse(bytes, (size_t)size, &b->head.index, err);
	if (r < 0)
		return r;
	bytes = NULL;
	if (b->head.index.image_size != m->image_size || b->head.index.data_size != m->data_size)
		return error_set(err, -EBADMSG,
				 "the bundle's index and manifest disagree about sizes");
	return 0;
}

/* Room for the largest frame that the index names, and no more. */
static int prepare_data(struct bundle *b, struct error *err)
{
	const struct index *index = &b->head.index;
	uint32_t packed = 0, raw = 0;
	uint64_t size = 0;
	struct stat st;
	int r = open_member(b, "data", &size, err);

	if (r < 0)
		return r;
	if (size != b->head.manifest.data_size)
		return error_set(err, -EBADMSG, "the bundle's data is %llu bytes long, not %llu",
				 (unsigned long long)size,
				 (unsigned long long)b->head.manifest.data_size);
	b->end = b->members;
	check_tail(b);
	/* Of a file that is known before anything is written to a disk. */
	if (fstat(b->fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size < b->end + TAR_END)
		return error_set(err, -EBADMSG, "the bundle is cut off: it has %lld of %llu bytes",
				 (long long)st.st_size, (unsigned long long)b->end + TAR_END);
	for (uint32_t i = 0; i < index->frames; i++) {
		struct index_frame frame = index_frame_at(index, i);

		packed = frame.packed_size > packed ? frame.packed_size : packed;
		raw = frame.raw_size > raw ? frame.raw_size : raw;
	}
	/*
	 * Aligned, so that a caller may write it with O_DIRECT. A frame's raw size
	 * need not be whole blocks: the last one of an image isn't asked to be.
	 */
	for (unsigned int i = 0; i < AHEAD_PLACES; i++)
		if (posix_memalign((void **)&b->raw[i], 4096, raw ? raw : 1) != 0) {
			b->raw[i] = NULL;
			return error_oom(err);
		}
	b->packed = malloc(packed ? packed : 1);
	b->zstd = ZSTD_createDCtx();
	b->data_hash = hash_new();
	b->chunk_hash = hash_new();
	return b->packed && b->zstd && b->data_hash && b->chunk_hash ? 0 : error_oom(err);
}

int bundle_open(int fd, const struct keyring *ring, struct bundle **out, struct error *err)
{
	_cleanup_bundle_ struct bundle *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return error_oom(err);
	b->fd = fd;
	b->end = UINT64_MAX;
	b->stop = eventfd(0, EFD_CLOEXEC);
	if (b->stop < 0)
		return error_errno(err, "cannot make an eventfd");
	r = open_archive(b, err);
	if (r == 0)
		r = read_manifest(b, ring, err);
	if (r == 0)
		r = read_index(b, err);
	if (r == 0)
		r = prepare_data(b, err);
	if (r == 0)
		*out = ptr_take(b);
	return r;
}

void bundle_close(struct bundle *b)
{
	if (!b)
		return;
	if (b->ahead)
		eventfd_write(b->stop, 1);
	ahead_stop(b->ahead);
	cleanup_fd(&b->stop);
	archive_read_free(b->archive);
	index_free(&b->head.index);
	hash_free(b->data_hash);
	hash_free(b->chunk_hash);
	ZSTD_freeDCtx(b->zstd);
	free(b->packed);
	for (unsigned int i = 0; i < AHEAD_PLACES; i++)
		free(b->raw[i]);
	free(b);
}

const struct bundle_head *bundle_head(const struct bundle *b)
{
	return &b->head;
}

uint64_t bundle_data_offset(const struct bundle *b)
{
	uint64_t size = b->head.manifest.data_size;

	return b->end - (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* The hash over all data, the tar's end, and nothing behind it. */
static int finish(struct bundle *b, struct error *err)
{
	uint8_t digest[HASH_SIZE];
	struct archive_entry *entry;
	int r = hash_final(b->data_hash, digest);

	if (r < 0)
		return error_set(err, r, "OpenSSL could not hash the data");
	if (memcmp(digest, b->head.manifest.data_sha256, HASH_SIZE) != 0)
		return error_set(err, -EBADMSG,
				 "the bundle is damaged: its data has the wrong hash");
	if (archive_read_next_header(b->archive, &entry) == ARCHIVE_FATAL && !b->garbage)
		return fail_read(b, "the end", err);
	while (!b->garbage && b->received <= b->end + TAR_END + TAR_PADDING_MAX) {
		ssize_t n = fill_input(b);

		if (n < 0)
			return error_set(err, (int)n, "cannot read the bundle's end: %s",
					 strerror((int)-n));
		if (n == 0)
			break;
	}
	if (b->garbage || b->received > b->end + TAR_END + TAR_PADDING_MAX)
		return error_set(err, -EBADMSG,
				 "the bundle is damaged: something follows its last member");
	if (b->received < b->end + TAR_END)
		return error_set(err, -EBADMSG, "the bundle is cut off at its very end");
	return 0;
}

/* The thread's step: the next frame, read and unpacked; at the end, all that follows. */
static int make_frame(void *context, unsigned int place, struct error *err)
{
	struct bundle *b = context;
	struct index_frame frame;
	int r;

	if (b->frame == b->head.index.frames)
		return finish(b, err);
	frame = index_frame_at(&b->head.index, b->frame);
	r = read_member(b, "data", b->packed, frame.packed_size, err);
	if (r < 0)
		return r;
	r = hash_update(b->data_hash, b->packed, frame.packed_size);
	if (r < 0)
		return error_set(err, r, "OpenSSL could not hash the data");
	r = frame_unpack(b->zstd, b->frame, &frame, b->packed, b->raw[place], err);
	if (r < 0)
		return r;
	b->frame++;
	return 1;
}

/* The chunks of the frame `b->given`. */
static int check_chunks(struct bundle *b, const uint8_t *raw, struct error *err)
{
	const struct index *index = &b->head.index;

	for (; b->chunk < index->chunks; b->chunk++) {
		struct index_chunk chunk = index_chunk_at(index, b->chunk);
		uint8_t digest[HASH_SIZE];
		int r;

		if (chunk.frame != b->given)
			break;
		r = hash_reset(b->chunk_hash);
		/* index_parse saw to it that the chunk lies within its frame. */
		if (r == 0)
			r = hash_update(b->chunk_hash, raw + chunk.frame_offset, chunk.size);
		if (r == 0)
			r = hash_final(b->chunk_hash, digest);
		if (r < 0)
			return error_set(err, r, "OpenSSL could not hash a chunk");
		if (memcmp(digest, chunk.sha256, HASH_SIZE) != 0)
			return error_set(err, -EBADMSG,
					 "the bundle is damaged: chunk %u has the wrong hash",
					 b->chunk);
	}
	return 0;
}

int bundle_next(struct bundle *b, const uint8_t **data, size_t *size, uint64_t *offset,
		struct error *err)
{
	unsigned int place;
	int r = b->ahead ? 0 : ahead_start(&b->ahead, make_frame, b, err);

	if (r == 0)
		r = ahead_next(b->ahead, &place, err);
	if (r <= 0)
		return r;
	r = check_chunks(b, b->raw[place], err);
	if (r < 0)
		return r;
	*data = b->raw[place];
	*size = index_frame_at(&b->head.index, b->given).raw_size;
	*offset = b->image_offset;
	b->image_offset += *size;
	b->given++;
	return 1;
}
