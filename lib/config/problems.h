/*
 * What is wrong with a configuration: all of it at once, each with its place.
 */
#ifndef PROA_LIB_CONFIG_PROBLEMS_H
#define PROA_LIB_CONFIG_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

/* Where something stood: the name of a file (or of what stands for one), borrowed. */
struct config_place {
	const char *source;
	unsigned int line, column; /* from 1; 0: it has none (a kernel argument) */
};

enum config_severity {
	CONFIG_WARNING, /* it is used as it is: a key has no effect, say */
	CONFIG_ERROR,
};

struct config_problem {
	enum config_severity severity;
	struct config_place at;
	char *key;  /* "proa.ssh.port"; NULL: of the file as a whole */
	char *text; /* a sentence without a full stop */
};

struct config_problems {
	struct config_problem *items;
	size_t count, errors; /* errors: those that are no warnings */
};

/*
 * Adds one; `key` may be NULL, and is copied. Returns 0 or -ENOMEM: a finding that could
 * not be kept must not pass for none.
 */
int config_problem(struct config_problems *problems, enum config_severity severity,
		   const struct config_place *at, const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Puts them into the order in which they stand in the files: stable, by line and column. */
void config_problems_sort(struct config_problems *problems);

/* Prints them, one a line: "FILE:LINE:COLUMN: error: KEY: TEXT". */
void config_problems_print(FILE *out, const struct config_problems *problems);

void config_problems_free(struct config_problems *problems);

#define _cleanup_problems_ __attribute__((cleanup(config_problems_free)))

#endif
