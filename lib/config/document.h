/*
 * The schema for people: the list of keys, in several formats.
 */
#ifndef PROA_LIB_CONFIG_DOCUMENT_H
#define PROA_LIB_CONFIG_DOCUMENT_H

#include <stdio.h>

enum config_format {
	CONFIG_FORMAT_TEXT,     /* for a terminal */
	CONFIG_FORMAT_MARKDOWN, /* the second part of docs/configuration.md */
	CONFIG_FORMAT_MAN,      /* the second part of proa.yml(5) */
};

/*
 * Prints all keys, or those whose names begin with `prefix` (NULL: all).
 * Returns how many there were.
 */
size_t config_document(FILE *out, enum config_format format, const char *prefix);

#endif
