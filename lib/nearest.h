/*
 * "Did you mean": which of the names that there are is nearest to a mistyped one.
 *
 *     struct nearest nearest = {.wanted = "instal"};
 *     for (… every name …)
 *             nearest_offer(&nearest, name);
 *     if (nearest.name) …
 */
#ifndef PROA_LIB_NEAREST_H
#define PROA_LIB_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *wanted;
	const char *name; /* the nearest offered so far, borrowed; NULL: none is near */
	size_t distance;  /* of that one: letters to insert, delete, replace or swap */
};

/* Looks at one more name. Three letters off, or all of them, is another word. */
void nearest_offer(struct nearest *nearest, const char *name);

#endif
