#include "lib/format/descriptor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/format/pastcache.h"
#include "lib/hash.h"
#include "lib/io.h"

/* On disk (docs/internals.md): a header of 40 bytes, a hash, the manifest, the signatures. */
enum {
	AT_FORMAT = 8,
	AT_MANIFEST_SIZE = 12,
	AT_SIGNATURE_SIZE = 16,
	AT_RESERVED = 20,
	AT_ROOT_NUMBER = 24,
	AT_LEAST_EPOCH = 32,
	AT_HASH = 40,
	AT_MANIFEST = 72,
	FORMAT = 1,
};
static const uint8_t MAGIC[8] = {'P', 'R', 'O', 'A', 'S', 'L', 'O', 'T'};

/* The hash covers everything but itself: the header, then manifest and signatures. */
static int descriptor_hash(const uint8_t *bytes, size_t payload, uint8_t out[HASH_SIZE])
{
	struct hash *hash = hash_new();
	int r = hash ? 0 : -ENOMEM;

	if (r == 0)
		r = hash_update(hash, bytes, AT_HASH);
	if (r == 0)
		r = hash_update(hash, bytes + AT_MANIFEST, payload);
	if (r == 0)
		r = hash_final(hash, out);
	hash_free(hash);
	return r;
}

int descriptor_render(const struct descriptor *descriptor, uint8_t out[DESCRIPTOR_SIZE])
{
	size_t manifest = descriptor->manifest_size, signature = descriptor->signature_size;

	if (manifest > MANIFEST_SIZE_MAX || signature > SIGNATURES_SIZE_MAX)
		return -EINVAL;
	memset(out, 0, DESCRIPTOR_SIZE);
	memcpy(out, MAGIC, sizeof(MAGIC));
	bytes_put_le32(out + AT_FORMAT, FORMAT);
	bytes_put_le32(out + AT_MANIFEST_SIZE, (uint32_t)manifest);
	bytes_put_le32(out + AT_SIGNATURE_SIZE, (uint32_t)signature);
	bytes_put_le64(out + AT_ROOT_NUMBER, descriptor->root_number);
	bytes_put_le64(out + AT_LEAST_EPOCH, descriptor->least_epoch);
	memcpy(out + AT_MANIFEST, descriptor->manifest, manifest);
	memcpy(out + AT_MANIFEST + manifest, descriptor->signature, signature);
	return descriptor_hash(out, manifest + signature, out + AT_HASH);
}

int descriptor_parse(const uint8_t bytes[DESCRIPTOR_SIZE], struct descriptor *out,
		     struct error *err)
{
	struct cursor c = cursor_over(bytes, DESCRIPTOR_SIZE);
	const uint8_t *magic = cursor_take(&c, sizeof(MAGIC));
	uint32_t format = cursor_le32(&c);
	uint32_t manifest = cursor_le32(&c), signature = cursor_le32(&c);
	uint32_t reserved = cursor_le32(&c);
	uint64_t root_number = cursor_le64(&c), least_epoch = cursor_le64(&c);
	const uint8_t *stored = cursor_take(&c, HASH_SIZE);
	uint8_t computed[HASH_SIZE];
	int r;

	if (memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return error_set(err, -ENODATA, "it holds no slot descriptor: the slot is empty");
	if (format != FORMAT)
		return error_set(err, -EOPNOTSUPP,
				 "its descriptor has format %u; this version knows format %d",
				 format, FORMAT);
	if (manifest > MANIFEST_SIZE_MAX || signature > SIGNATURES_SIZE_MAX || reserved != 0)
		return error_set(err, -EBADMSG, "its descriptor is damaged: the header cannot be");
	r = descriptor_hash(bytes, (size_t)manifest + signature, computed);
	if (r < 0)
		return error_set(err, r, "OpenSSL could not hash the slot descriptor");
	if (memcmp(stored, computed, HASH_SIZE) != 0)
		return error_set(err, -EBADMSG,
				 "its descriptor is damaged or half written: wrong hash");
	out->root_number = root_number;
	out->least_epoch = least_epoch;
	out->manifest_size = manifest;
	out->signature_size = signature;
	/* The cursor holds 64 KiB, and both lengths were checked: neither take can fail. */
	memcpy(out->manifest, cursor_take(&c, manifest), manifest);
	memcpy(out->signature, cursor_take(&c, signature), signature);
	return 0;
}

/* Where the descriptor of a partition lies. */
static int place(uint64_t offset, uint64_t size, uint64_t *out, struct error *err)
{
	uint64_t end;

	if (size < DESCRIPTOR_SIZE || size % MANIFEST_BLOCK_SIZE != 0 ||
	    __builtin_add_overflow(offset, size, &end))
		return error_set(err, -EINVAL,
				 "this is no slot: its %llu bytes are no whole blocks, or too few",
				 (unsigned long long)size);
	*out = end - DESCRIPTOR_SIZE;
	return 0;
}

int descriptor_read(int fd, uint64_t partition_offset, uint64_t partition_size,
		    struct descriptor *out, struct error *err)
{
	uint8_t bytes[DESCRIPTOR_SIZE];
	uint64_t at = 0;
	int r = place(partition_offset, partition_size, &at, err);

	if (r < 0)
		return r;
	r = io_pread_full(fd, bytes, sizeof(bytes), at);
	if (r < 0)
		return error_set(err, r == -ENODATA ? -EIO : r,
				 "cannot read its slot descriptor: %s",
				 r == -ENODATA ? "it ends before that" : strerror(-r));
	return descriptor_parse(bytes, out, err);
}

/*
 * Writes the 64 KiB and reads them back from the medium: a descriptor vouches
 * for its slot, so it is written after everything else has reached the disk.
 */
static int write_bytes(int fd, uint64_t at, const uint8_t *bytes, struct error *err)
{
	uint8_t again[DESCRIPTOR_SIZE] __attribute__((aligned(PASTCACHE_ALIGNMENT)));
	_cleanup_fd_ int direct = -1;
	int r = io_pwrite_full(fd, bytes, DESCRIPTOR_SIZE, at);

	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "cannot write the slot descriptor: %s", strerror(-r));
	direct = pastcache_open(fd, err);
	if (direct < 0)
		return direct;
	r = io_pread_full(direct, again, sizeof(again), at);
	if (r < 0)
		return error_set(err, r, "cannot read the slot descriptor back: %s", strerror(-r));
	if (memcmp(again, bytes, DESCRIPTOR_SIZE) != 0)
		return error_set(err, -EIO,
				 "the disk did not keep the slot descriptor: it reads back "
				 "differently");
	return 0;
}

int descriptor_write(int fd, uint64_t partition_offset, uint64_t partition_size,
		     const struct descriptor *descriptor, struct error *err)
{
	uint8_t bytes[DESCRIPTOR_SIZE];
	uint64_t at = 0;
	int r = place(partition_offset, partition_size, &at, err);

	if (r < 0)
		return r;
	r = descriptor_render(descriptor, bytes);
	if (r < 0)
		return error_set(err, r, "cannot make the slot descriptor: %s", strerror(-r));
	return write_bytes(fd, at, bytes, err);
}

int descriptor_erase(int fd, uint64_t partition_offset, uint64_t partition_size,
		     struct error *err)
{
	const uint8_t zeros[DESCRIPTOR_SIZE] = {0};
	uint64_t at = 0;
	int r = place(partition_offset, partition_size, &at, err);

	return r < 0 ? r : write_bytes(fd, at, zeros, err);
}
