/*
 * Progress of long work: a bar with rate and time left on a terminal, a line
 * now and then elsewhere (logs, serial consoles). Goes to standard error.
 */
#ifndef PROA_LIB_PROGRESS_H
#define PROA_LIB_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *out; /* NULL: say nothing */
	bool terminal;
	const char *what;
	uint64_t total, done;
	uint64_t started_ms, drawn_ms;
	unsigned int drawn_tenth; /* tenths of the way that were told */
};

enum { PROGRESS_LINE_SIZE = 256 };

/* `what` ("Writing slot A") is borrowed until the end; `out` may be NULL. */
void progress_start(struct progress *progress, FILE *out, const char *what, uint64_t total_bytes);

/* Tells how far it is. Cheap: draws ten times a second, or once a tenth of the way. */
void progress_update(struct progress *progress, uint64_t done_bytes);

/* Closes the bar's line; says how long it took where all was done. */
void progress_end(struct progress *progress);

/*
 * The bar as text, without the carriage return; `columns` is the terminal's
 * width. Pure, for progress_update and the tests.
 */
void progress_render(char line[PROGRESS_LINE_SIZE], size_t columns, const char *what,
		     uint64_t done_bytes, uint64_t total_bytes, uint64_t elapsed_ms);

#endif
