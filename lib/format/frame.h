/* One frame of a bundle's data, unpacked. */
#ifndef PROA_LIB_FORMAT_FRAME_H
#define PROA_LIB_FORMAT_FRAME_H

#include <zstd.h>

#include "lib/format/index.h"

/*
 * Unpacks frame `number`: one zstd frame, neither more nor less, of the sizes that the signed
 * index names. Its chunks' hashes are the caller's to check.
 *
 * packed  frame->packed_size bytes
 * raw     room for frame->raw_size bytes
 *
 * Returns 0 or -EBADMSG.
 */
int frame_unpack(ZSTD_DCtx *zstd, uint32_t number, const struct index_frame *frame,
		 const uint8_t *packed, uint8_t *raw, struct error *err);

#endif
