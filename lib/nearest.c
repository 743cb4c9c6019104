#include "lib/nearest.h"

#include <string.h>

enum {
	LENGTH_MAX = 64,
	DISTANCE_MAX = 2,
};

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, delete, replace or swap with a neighbour to get from `a` to `b`. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][LENGTH_MAX + 1];
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

void nearest_offer(struct nearest *nearest, const char *name)
{
	size_t length = strlen(nearest->wanted);
	size_t d;

	if (length > LENGTH_MAX || strlen(name) > LENGTH_MAX)
		return;
	d = distance(nearest->wanted, name);
	if (d > DISTANCE_MAX || d >= length || (nearest->name && d >= nearest->distance))
		return;
	nearest->name = name;
	nearest->distance = d;
}
