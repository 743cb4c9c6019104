#include "lib/format/frame.h"

#include <errno.h>

int frame_unpack(ZSTD_DCtx *zstd, uint32_t number, const struct index_frame *frame,
		 const uint8_t *packed, uint8_t *raw, struct error *err)
{
	size_t n;

	if (ZSTD_findFrameCompressedSize(packed, frame->packed_size) != frame->packed_size ||
	    ZSTD_getFrameContentSize(packed, frame->packed_size) != frame->raw_size)
		return error_set(err, -EBADMSG, "the bundle is damaged in frame %u of its data",
				 number);
	n = ZSTD_decompressDCtx(zstd, raw, frame->raw_size, packed, frame->packed_size);
	if (ZSTD_isError(n) || n != frame->raw_size)
		return error_set(err, -EBADMSG, "the bundle is damaged in frame %u of its data: %s",
				 number, ZSTD_isError(n) ? ZSTD_getErrorName(n) : "wrong size");
	return 0;
}
