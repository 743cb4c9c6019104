/* The history of boots: whatever it holds, what is read of it is printable and within bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/services/history_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_text(const char *text, size_t longest)
{
	if (strlen(text) > longest)
		abort();
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_history_file_ struct history_file file = {0};

	if (history_file_parse((const char *)bytes, size, &file, NULL) < 0)
		return 0;
	for (size_t i = 0; i < file.count; i++) {
		const struct history_boot *boot = &file.boots[i];
		const char *line = boot->lines;

		if (boot->number == 0 || boot->line_count > HISTORY_LINES_MAX)
			abort();
		check_text(boot->version, BOOTLOG_VERSION_SIZE - 1);
		check_text(boot->flip, BOOTLOG_FLIP_SIZE - 1);
		check_text(boot->text, HISTORY_TEXT_MAX);
		for (size_t n = 0; n < boot->line_count; n++) {
			check_text(line, size);
			line += strlen(line) + 1;
		}
	}
	return 0;
}
