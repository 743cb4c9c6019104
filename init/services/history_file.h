/*
 * Reads /var/lib/proa/history (docs/internals.md "Run time"): a line a former boot, and the
 * last lines of one that failed or was reset behind it, each after a tab.
 *
 * The file comes from the machine's disk, and may hold anything. A line that PID 1 would not
 * have written is left out and counted; the others still tell. Texts are made printable.
 */
#ifndef PROA_INIT_SERVICES_HISTORY_FILE_H
#define PROA_INIT_SERVICES_HISTORY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bootloader/bootlog.h"
#include "lib/error.h"

enum {
	HISTORY_FILE_MAX = 4 << 20, /* PID 1 begins a new one above 1 MiB */
	HISTORY_LINES_MAX = 50,     /* behind one boot */
	HISTORY_TEXT_MAX = 511,
};

struct history_boot {
	uint64_t number;
	uint64_t time;     /* seconds since 1970: when it was last heard of */
	uint64_t uptime_s; /* and how long it had run then */
	char slot;
	enum bootlog_stage stage;
	enum bootlog_end end;
	bool fellback, lastresort, degraded;
	char version[BOOTLOG_VERSION_SIZE];
	char flip[BOOTLOG_FLIP_SIZE]; /* proa.flip, as GRUB had saved the block */
	const char *text;
	char *lines; /* `line_count` texts, a NUL behind each */
	size_t line_count, lines_size;
};

struct history_file {
	char *bytes;                /* what the texts are borrowed from */
	struct history_boot *boots; /* oldest first */
	size_t count;
	size_t damaged; /* lines that were left out */
};

/* Returns 0, -EFBIG or -ENOMEM; the caller frees `out` (history_file_free). */
int history_file_parse(const char *bytes, size_t size, struct history_file *out, struct error *err);

void history_file_free(struct history_file *file);

static inline void cleanup_history_file(struct history_file *file)
{
	history_file_free(file);
}
#define _cleanup_history_file_ __attribute__((cleanup(cleanup_history_file)))

#endif
