/* A folder of good and broken inputs under testdata/, a row for every file. */
#ifndef PROA_TESTS_SUPPORT_FOLDER_H
#define PROA_TESTS_SUPPORT_FOLDER_H

#include <stddef.h>
#include <stdint.h>

struct folder_row {
	const char *file;
	int expected; /* what reading it returns */
};

/* Reads one file's bytes, which it may not keep; returns 0 or a negative errno. */
typedef int (*folder_reader)(const uint8_t *bytes, size_t size);

/* Fails where a file is read otherwise than its row says, or has no row. */
void folder_check(const char *folder, const struct folder_row *rows, size_t count,
		  folder_reader read);

#endif
