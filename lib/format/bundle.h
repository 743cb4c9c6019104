/*
 * The bundle: docs/internals.md "The bundle". Read once from front to back,
 * from a file or a pipe, never stored; memory is the index, one frame packed
 * and two frames raw (at most 4 MiB each): a thread unpacks the next one.
 */
#ifndef PROA_LIB_FORMAT_BUNDLE_H
#define PROA_LIB_FORMAT_BUNDLE_H

#include "lib/format/index.h"
#include "lib/format/manifest.h"
#include "lib/format/signature.h"

struct bundle;

/* What stands before the data; borrowed from the bundle. */
struct bundle_head {
	struct manifest manifest;
	struct public_key signer; /* all zero where `ring` was NULL */
	char manifest_text[MANIFEST_SIZE_MAX];
	size_t manifest_size;
	char signature_text[SIGNATURES_SIZE_MAX];
	size_t signature_size;
	struct index index;
};

/*
 * Reads manifest and signatures, verifies them with a release key of `ring`
 * before anything else is looked at, then reads and checks the index.
 *
 * fd    a file or a pipe, at the bundle's first byte; borrowed.
 * ring  NULL: do not check signatures (inspecting; never for installing).
 *
 * Returns 0; -EBADMSG: not a bundle, damaged, truncated or with a member that
 * does not belong; -ENOKEY, -EKEYREJECTED: not signed by a known release key;
 * -EOPNOTSUPP: needs a newer Proa; -ENOEXEC: another product or architecture
 * (not with ring == NULL); or the errno of a failed read.
 */
int bundle_open(int fd, const struct keyring *ring, struct bundle **out, struct error *err);
void bundle_close(struct bundle *bundle);
static inline void cleanup_bundle(struct bundle **bundle)
{
	bundle_close(*bundle);
}
#define _cleanup_bundle_ __attribute__((cleanup(cleanup_bundle)))

const struct bundle_head *bundle_head(const struct bundle *bundle);

/*
 * The next frame's bytes of the image, every chunk's hash checked.
 *
 * data, size  borrowed until the next call; each starts where the last ended
 * offset      its place in the image
 *
 * Returns 1; 0 at the end, when the hash over all of `data` and everything up
 * to the last byte of the tar were checked too: only then is the bundle whole.
 * Errors as above.
 */
int bundle_next(struct bundle *bundle, const uint8_t **data, size_t *size, uint64_t *offset,
		struct error *err);

/* Where the packed data starts in the file. */
uint64_t bundle_data_offset(const struct bundle *bundle);

/*
 * Writes a bundle: `data_fd` is read from its position for manifest->data_size
 * bytes. The same input gives the same bytes.
 */
int bundle_write(int fd, const struct manifest *manifest, const char *manifest_text,
		 size_t manifest_size, const struct signatures *signatures, const uint8_t *index,
		 size_t index_size, int data_fd, struct error *err);

#endif
