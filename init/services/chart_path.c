#include "init/services/chart.h"

#include <string.h>

enum { NONE = CHART_BARS_MAX };

/* The bar that ended last before `bar` began; among equals the one that began last. */
static size_t before(const struct chart *chart, size_t bar)
{
	const struct chart_bar *after = &chart->bars[bar];
	size_t found = NONE;

	for (size_t i = 0; i < chart->count; i++) {
		const struct chart_bar *one = &chart->bars[i];

		/* Always earlier in time or in the table: a path cannot turn in a circle. */
		if (one->open || one->end > after->start || i == bar ||
		    (one->start == after->start && i > bar))
			continue;
		if (found == NONE || one->end > chart->bars[found].end ||
		    (one->end == chart->bars[found].end && one->start >= chart->bars[found].start))
			found = i;
	}
	return found;
}

/* The gate; or what it waits for, the first of it. */
static size_t last(const struct chart *chart)
{
	size_t found = NONE;

	for (size_t i = 0; i < chart->count; i++) {
		const struct chart_bar *one = &chart->bars[i];

		if (one->kind == CHART_GATE)
			return i;
		if (one->open && (found == NONE || (one->gated && !chart->bars[found].gated)))
			found = i;
	}
	return found;
}

void chart_find_path(struct chart *chart)
{
	size_t bar = last(chart);

	chart->path_count = 0;
	while (bar != NONE && chart->path_count < CHART_BARS_MAX) {
		memmove(chart->path + 1, chart->path, chart->path_count * sizeof(chart->path[0]));
		chart->path[0] = bar;
		chart->path_count++;
		bar = before(chart, bar);
	}
}
