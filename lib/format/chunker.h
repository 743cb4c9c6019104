/*
 * Content-defined cutting: where a chunk ends depends on the bytes before its
 * end alone, so that an insertion moves the cuts near it and no others. A gear
 * hash (Xia et al., "FastCDC", USENIX ATC 2016). The cuts are a format: the
 * upgrader finds its chunks in the running slot by cutting that the same way.
 */
#ifndef PROA_LIB_FORMAT_CHUNKER_H
#define PROA_LIB_FORMAT_CHUNKER_H

#include <stddef.h>
#include <stdint.h>

enum {
	CHUNKER_MIN = 8 << 10,
	CHUNKER_AVERAGE = 32 << 10,
	CHUNKER_MAX = 128 << 10,
};

/*
 * The length of the chunk that starts at `data`, of which `size` bytes are
 * there: at least CHUNKER_MAX, or all that is left of the image.
 */
size_t chunker_cut(const uint8_t *data, size_t size);

#endif
