#include "cli/command.h"

#include <string.h>

enum { NAME_MAX_COMPARED = 32 };

const struct command *command_find(const struct command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, delete, replace or swap with a neighbour to get from `a` to `b`. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_COMPARED + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t length_b = strlen(b);

	for (size_t j = 0; j <= length_b; j++)
		above[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1,
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[length_b];
}

const struct command *command_nearest(const struct command *table, const char *name)
{
	const struct command *nearest = NULL;
	size_t nearest_distance = 3; /* three letters off is another word */

	if (strlen(name) > NAME_MAX_COMPARED)
		return NULL;
	for (; table->name; table++) {
		size_t d;

		if (strlen(table->name) > NAME_MAX_COMPARED)
			continue;
		d = distance(name, table->name);
		if (d < nearest_distance && d < strlen(name)) {
			nearest = table;
			nearest_distance = d;
		}
	}
	return nearest;
}
