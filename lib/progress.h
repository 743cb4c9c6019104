/*
 * Progress of long work: a bar with rate and time left on a terminal, a line
 * now and then elsewhere (logs, serial consoles), or JSON for programs.
 */
#ifndef PROA_LIB_PROGRESS_H
#define PROA_LIB_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where to tell it: out == NULL: nowhere. */
struct progress_to {
	FILE *out;
	bool json; /* a line of JSON a second; else for people */
};

enum progress_phase {
	PROGRESS_LOOK,  /* through a slot, for what need not be fetched */
	PROGRESS_WRITE, /* a slot */
	PROGRESS_CHECK, /* a slot, by reading all of it */
};

/* How far it is. The rate is the network's where bytes have to come over it. */
struct progress_figures {
	uint64_t done, total; /* bytes */
	uint64_t fetched, to_fetch;
	uint64_t elapsed_ms;
};

struct progress {
	struct progress_to to;
	bool terminal;
	enum progress_phase phase;
	char slot, what[32];
	struct progress_figures figures;
	uint64_t started_ms, told_ms;
	unsigned int told_tenth; /* tenths of the way that were told */
};

enum { PROGRESS_LINE_SIZE = 256 };

/* `slot` is 'a' or 'b'. */
void progress_start(struct progress *progress, struct progress_to to, enum progress_phase phase,
		    char slot, uint64_t total_bytes);

/*
 * Tells how far it is. Cheap: draws ten times a second; elsewhere a line for each tenth of the way,
 * and one a minute; or JSON once a second.
 */
void progress_update(struct progress *progress, uint64_t done_bytes);

/* The same for what of it comes over the network. */
void progress_fetched(struct progress *progress, uint64_t fetched, uint64_t to_fetch);

/* Closes the bar's line; says how long it took where all was done. */
void progress_end(struct progress *progress);

/*
 * The bar as text, without the carriage return; `columns` is the terminal's
 * width. Pure, for progress_update and the tests.
 */
void progress_render(char line[PROGRESS_LINE_SIZE], size_t columns, const char *what,
		     const struct progress_figures *figures);

#endif
