/*
 * Runs a fuzz target over files and folders of them: the inputs that have been found once are
 * tried in every check, without a fuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { INPUT_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int replay(const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *exact = NULL;
	struct error err = ERROR_INIT;
	size_t size;

	if (io_read_file(path, INPUT_MAX, &text, &size, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	/* Without the NUL behind the text: a byte too far is seen. */
	exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	memcpy(exact, text, size);
	LLVMFuzzerTestOneInput(exact, size);
	return 1;
}

static int replay_folder(const char *folder)
{
	_cleanup_dir_ DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return replay(folder);
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			return -1;
		if (replay(path) < 0)
			return -1;
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		int one = replay_folder(argv[i]);

		if (one < 0)
			return 1;
		count += one;
	}
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
