/* Hexadecimal text for hashes and key ids: lower case, two digits a byte. */
#ifndef PROA_LIB_HEX_H
#define PROA_LIB_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * size digits and a NUL to `out`. */
void hex_encode(const uint8_t *data, size_t size, char *out);

/* Reads exactly 2 * size lower-case digits, then a NUL. Returns 0 or -EINVAL. */
int hex_decode(const char *text, uint8_t *out, size_t size);

#endif
