#include "cli/command.h"

#include <string.h>

#include "lib/nearest.h"

const struct command *command_find(const struct command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const struct command *command_nearest(const struct command *table, const char *name)
{
	struct nearest nearest = {.wanted = name};

	for (const struct command *row = table; row->name; row++)
		nearest_offer(&nearest, row->name);
	return nearest.name ? command_find(table, nearest.name) : NULL;
}
