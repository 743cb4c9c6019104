#include "tests/unit/support/folder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/io.h"

static size_t count_files(const char *folder)
{
	_cleanup_dir_ DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	return count;
}

void folder_check(const char *folder, const struct folder_row *rows, size_t count,
		  folder_reader read)
{
	assert_int_equal(count_files(folder), count);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_free_ uint8_t *exact = NULL;
		struct error err = ERROR_INIT;
		char path[256];
		size_t size = 0;
		int r;

		snprintf(path, sizeof(path), "%s/%s", folder, rows[i].file);
		if (io_read_file(path, 16 << 20, &text, &size, &err) < 0)
			fail_msg("%s", err.message);
		/* Not a byte more than the file has: the sanitizers see what reads past it. */
		exact = malloc(size ? size : 1);
		assert_non_null(exact);
		for (size_t k = 0; k < size; k++)
			exact[k] = (uint8_t)text[k];
		r = read(exact, size);
		if (r != rows[i].expected)
			fail_msg("%s: %d, expected %d", path, r, rows[i].expected);
	}
}
