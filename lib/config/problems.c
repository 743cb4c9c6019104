#include "lib/config/problems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int config_problem(struct config_problems *problems, enum config_severity severity,
		   const struct config_place *at, const char *key, const char *format, ...)
{
	struct config_problem problem = {.severity = severity, .at = *at};
	struct config_problem *bigger;
	va_list args;
	int length;

	/* Room for 1, 2, 4, 8 …: grown when the count is a power of two. */
	if ((problems->count & (problems->count - 1)) == 0) {
		size_t room = problems->count ? 2 * problems->count : 1;

		bigger = realloc(problems->items, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		problems->items = bigger;
	}
	va_start(args, format);
	length = vasprintf(&problem.text, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	if (key && !(problem.key = strdup(key))) {
		free(problem.text);
		return -ENOMEM;
	}
	problems->items[problems->count++] = problem;
	problems->errors += severity == CONFIG_ERROR;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct config_problem *a = left, *b = right;
	int r = strcmp(a->at.source, b->at.source);

	if (r == 0 && a->at.line != b->at.line)
		r = a->at.line < b->at.line ? -1 : 1;
	if (r == 0 && a->at.column != b->at.column)
		r = a->at.column < b->at.column ? -1 : 1;
	return r ? r : strcmp(a->text, b->text);
}

void config_problems_sort(struct config_problems *problems)
{
	if (problems->count)
		qsort(problems->items, problems->count, sizeof(*problems->items), compare);
}

void config_problems_print(FILE *out, const struct config_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct config_problem *problem = &problems->items[i];

		fprintf(out, "%s:", problem->at.source);
		if (problem->at.line)
			fprintf(out, "%u:%u:", problem->at.line, problem->at.column);
		fprintf(out, " %s: ", problem->severity == CONFIG_ERROR ? "error" : "warning");
		if (problem->key)
			fprintf(out, "%s: ", problem->key);
		fprintf(out, "%s\n", problem->text);
	}
}

void config_problems_free(struct config_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->items[i].key);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct config_problems){0};
}
