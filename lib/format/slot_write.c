#include "lib/format/slot_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/format/slot_output.h"
#include "lib/format/verity.h"
#include "lib/io.h"

/*
 * What the disk answers becomes -EIO here and below: Linux has -ENODATA for a bad sector
 * (BLK_STS_MEDIUM) and -EFBIG for a file, which callers would take for the bundle's fault.
 */
int slot_write_bytes(const struct slot_writer *slot, const void *data, size_t size, uint64_t offset,
		     struct error *err)
{
	int r = io_pwrite_full(slot->fd, data, size, slot->offset + offset);

	if (r < 0)
		return error_set(err, -EIO, "cannot write slot %c at byte %llu: %s", slot->letter,
				 (unsigned long long)offset, strerror(-r));
	/* The disk is to work while the next bytes are made. */
	sync_file_range(slot->fd, (off_t)(slot->offset + offset), (off_t)size,
			SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int copy(const struct slot_writer *slot, struct bundle *bundle, struct progress *progress,
		struct error *err)
{
	_cleanup_slot_output_ struct slot_output *output = NULL;
	const uint8_t *data;
	uint64_t offset;
	size_t size;
	int r = slot_output_start(&output, slot, err);

	if (r < 0)
		return r;
	while ((r = bundle_next(bundle, &data, &size, &offset, err)) > 0) {
		r = slot_output_write(output, data, size, offset, err);
		if (r < 0)
			return r;
		progress_update(progress, offset + size);
	}
	return r < 0 ? r : slot_output_sync(output, err);
}

static int checked(void *context, uint64_t done, uint64_t total)
{
	(void)total;
	progress_update(context, done);
	return 0;
}

int slot_read_back(const struct slot_writer *slot, const struct manifest *manifest,
		   struct error *err)
{
	struct verity_params params = {
		.data_blocks = manifest->fs_size / VERITY_BLOCK,
		.hash_start_block = manifest->fs_size / VERITY_BLOCK,
	};
	struct progress progress;
	int r;

	memcpy(params.salt, manifest->salt, sizeof(params.salt));
	memcpy(params.root_hash, manifest->root_hash, sizeof(params.root_hash));
	progress_start(&progress, slot->progress, PROGRESS_CHECK, slot->letter, manifest->fs_size);
	r = verity_check(slot->fd, slot->offset, &params, VERITY_PAST_CACHE, checked, &progress,
			 err);
	progress_end(&progress);
	/* The bundle's own hashes were right: now it is the disk's fault, whatever it is. */
	if (r < 0 && r != -ENOMEM)
		return error_wrap(err, -EIO,
				  "the disk does not give back what was written to slot %c; "
				  "use another disk",
				  slot->letter);
	return r;
}

int slot_write_begin(const struct slot_writer *slot, const struct manifest *manifest,
		     struct error *err)
{
	int r;

	if (slot->size < LAYOUT_DESCRIPTOR_BYTES ||
	    manifest->image_size > slot->size - LAYOUT_DESCRIPTOR_BYTES)
		return error_set(err, -ENOSPC, "the image of %llu bytes does not fit slot %c",
				 (unsigned long long)manifest->image_size, slot->letter);
	r = descriptor_erase(slot->fd, slot->offset, slot->size, err);
	return r < 0 ? error_wrap(err, -EIO, "cannot write slot %c", slot->letter) : 0;
}

int slot_write_sync(const struct slot_writer *slot, struct error *err)
{
	return fdatasync(slot->fd) < 0 ? error_set(err, -EIO, "cannot write slot %c: %s",
						   slot->letter, strerror(errno))
				       : 0;
}

int slot_write_image(const struct slot_writer *slot, struct bundle *bundle, struct error *err)
{
	const struct manifest *manifest = &bundle_head(bundle)->manifest;
	struct progress progress;
	int r = slot_write_begin(slot, manifest, err);

	if (r < 0)
		return r;
	progress_start(&progress, slot->progress, PROGRESS_WRITE, slot->letter,
		       manifest->image_size);
	r = copy(slot, bundle, &progress, err);
	progress_end(&progress);
	return r < 0 ? r : slot_read_back(slot, manifest, err);
}

int slot_write_descriptor(const struct slot_writer *slot, const struct bundle *bundle,
			  uint64_t root_number, uint64_t least_epoch, struct error *err)
{
	const struct bundle_head *head = bundle_head(bundle);
	_cleanup_free_ struct descriptor *descriptor = calloc(1, sizeof(*descriptor));

	if (!descriptor)
		return error_oom(err);
	descriptor->root_number = root_number;
	descriptor->least_epoch =
		head->manifest.epoch > least_epoch ? head->manifest.epoch : least_epoch;
	descriptor->manifest_size = (uint32_t)head->manifest_size;
	descriptor->signature_size = (uint32_t)head->signature_size;
	memcpy(descriptor->manifest, head->manifest_text, head->manifest_size);
	memcpy(descriptor->signature, head->signature_text, head->signature_size);
	return descriptor_write(slot->fd, slot->offset, slot->size, descriptor, err);
}
