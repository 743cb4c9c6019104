/*
 * The schema: every key of a configuration, in one table. Reading, checking, defaults,
 * `docs/configuration.md` and proa.yml(5) all come from it.
 */
#ifndef PROA_LIB_CONFIG_SCHEMA_H
#define PROA_LIB_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config/tree.h"

struct config_row;

/* A kind of text: what it is called, and whether a text is one. */
struct config_type {
	const char *expected; /* "an absolute path"; NULL: `describe` tells */
	bool (*accepts)(const struct config_row *row, const char *text);
	void (*describe)(const struct config_row *row, char *out, size_t size);
};

enum config_flags {
	CONFIG_SECRET = 1, /* not shown unless asked for */
	CONFIG_UNUSED = 2, /* has no effect: `about` says why */
	CONFIG_ANY = 4,    /* whatever is below it is another format's */
	CONFIG_NEEDED = 8, /* its section is of no use without it */
	CONFIG_LATER = 16, /* checked, and not applied by this version */
};

struct config_row {
	/*
	 * "proa.network.interfaces.*.mtu": `*` is any key of a map, and `NAME[]` an item of
	 * the list NAME. Rows of what is in a section stand right behind it.
	 */
	const char *path;
	unsigned int kinds;             /* of 1 << enum config_kind: what it may be */
	const struct config_type *type; /* of a text; NULL: it is none */
	const char *fallback;           /* what holds where nobody says anything; NULL: nothing */
	unsigned int flags;             /* of enum config_flags */
	long long least, most;          /* of a number; of a list's length, where most > 0 */
	const char *choices;            /* of a choice: "a, b or c" */
	const char *about;              /* a sentence or two, in Markdown */
};

extern const struct config_row config_rows[];
extern const size_t config_rows_count;

/* The row behind `parent` (NULL: the top) for `key`, which may be an item's "[]"; or NULL. */
const struct config_row *config_row_below(const struct config_row *parent, const char *key);

/*
 * Walks the rows right below `parent` (NULL: the top): `previous` is NULL at first.
 * *name gets a row's name below it ("mtu", "*", "[]").
 */
const struct config_row *config_row_next(const struct config_row *parent,
					 const struct config_row *previous, const char **name);

/* "an absolute path, or a list of texts": what the row may be. */
void config_expected(const struct config_row *row, char *out, size_t size);

#endif
