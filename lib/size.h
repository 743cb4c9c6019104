/* Byte counts as people write and read them. Powers of two throughout. */
#ifndef PROA_LIB_SIZE_H
#define PROA_LIB_SIZE_H

#include <stdint.h>

enum { SIZE_TEXT_SIZE = 16 };

/*
 * Reads "4G", "4GiB", "512M", "1048576": a whole number, then nothing or one of
 * K, M, G, T, with or without "iB". Returns 0, -EINVAL, or -ERANGE above 2^63.
 */
int size_parse(const char *text, uint64_t *bytes);

/* Writes "512 B", "64.0 MiB", "3.6 TiB"; returns `out`. */
const char *size_text(uint64_t bytes, char out[SIZE_TEXT_SIZE]);

#endif
