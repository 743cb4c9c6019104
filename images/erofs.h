/* The root file system: mkfs.erofs, and where a file's bytes lie in its image. */
#ifndef PROA_IMAGES_EROFS_H
#define PROA_IMAGES_EROFS_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/format/manifest.h"

/*
 * Makes an uncompressed EROFS image of `tree` in the new file `path`: no inline
 * data, every time stamp `time`, a constant UUID. GRUB reads it, and the same
 * tree gives the same bytes.
 *
 * mkfs  the program, searched in PATH
 * size  filled with the image's size, a multiple of 4096
 */
int erofs_make(const char *mkfs, const char *tree, const char *path, uint64_t time,
	       uint64_t *size, struct error *err);

/*
 * Finds the bytes of the file `path` in the first `image_size` bytes of
 * `image_fd`, as one run that starts on a block. Found by comparing bytes: what
 * comes back holds the file's content, whatever EROFS thinks of it.
 * Returns 0 or -ENOENT.
 */
int erofs_locate(int image_fd, uint64_t image_size, const char *path, struct byte_range *out,
		 struct error *err);

#endif
