#include "lib/format/slot.h"

#include <errno.h>
#include <string.h>

int slot_verify_descriptor(int fd, uint64_t partition_offset, uint64_t partition_size,
			   const struct keyring *ring, struct slot *out, struct error *err)
{
	struct descriptor *d = &out->descriptor;
	struct signatures signatures;
	int r = descriptor_read(fd, partition_offset, partition_size, d, err);

	if (r == 0)
		r = signatures_parse(d->signature, d->signature_size, &signatures, err);
	/* Nothing in the manifest is looked at before a release key has vouched for it. */
	if (r == 0)
		r = signatures_verify(&signatures, ring, SIGN_ROLE_RELEASE, d->manifest,
				      d->manifest_size, "its manifest", &out->signer, err);
	if (r == 0)
		r = manifest_parse(d->manifest, d->manifest_size, &out->manifest, err);
	if (r == 0)
		r = manifest_check_target(&out->manifest, err);
	if (r < 0)
		return r;
	/* descriptor_read has checked that the partition is not smaller than its descriptor. */
	if (out->manifest.image_size > partition_size - DESCRIPTOR_SIZE)
		return error_set(err, -EBADMSG,
				 "its manifest names an image of %llu bytes, more than the slot "
				 "holds",
				 (unsigned long long)out->manifest.image_size);
	out->verity.data_blocks = out->manifest.fs_size / VERITY_BLOCK;
	out->verity.hash_start_block = out->verity.data_blocks;
	memcpy(out->verity.salt, out->manifest.salt, VERITY_SALT_SIZE);
	memcpy(out->verity.root_hash, out->manifest.root_hash, HASH_SIZE);
	return 0;
}

int slot_verify_tree(int fd, uint64_t partition_offset, const struct slot *slot,
		     enum verity_cache cache, verity_progress_fn progress, void *context,
		     struct error *err)
{
	return verity_check(fd, partition_offset, &slot->verity, cache, progress, context, err);
}
