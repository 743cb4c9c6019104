/* A slot proves itself: signed descriptor, then the hash tree. Needs libcrypto only. */
#ifndef PROA_LIB_FORMAT_SLOT_H
#define PROA_LIB_FORMAT_SLOT_H

#include "lib/format/descriptor.h"
#include "lib/format/verity.h"

struct slot {
	struct descriptor descriptor;
	struct manifest manifest;   /* parsed from the descriptor, signature checked */
	struct public_key signer;
	struct verity_params verity; /* ready for the dm-verity table */
};

/*
 * Reads the descriptor at the end of the partition, checks that a release key
 * of `ring` signed the manifest, parses it, and checks that it is for this
 * product and architecture and fits the partition. Reads 64 KiB, no more.
 *
 * Returns 0; -ENODATA: the slot is empty; -EBADMSG: damaged; -ENOKEY or
 * -EKEYREJECTED: not signed by a known key; -ENOEXEC: for another machine.
 */
int slot_verify_descriptor(int fd, uint64_t partition_offset, uint64_t partition_size,
			   const struct keyring *ring, struct slot *out, struct error *err);

/* Reads file system and tree, and checks them against the signed root hash (-EBADMSG). */
int slot_verify_tree(int fd, uint64_t partition_offset, const struct slot *slot,
		     enum verity_cache cache, verity_progress_fn progress, void *context,
		     struct error *err);

#endif
