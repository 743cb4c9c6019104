#include "lib/config/schema.h"

#include <stdio.h>
#include <string.h>

static size_t index_of(const struct config_row *row)
{
	return row ? (size_t)(row - config_rows) : 0;
}

/* Where the name of a row below `parent` begins in its path, or NULL: it is not below it. */
static const char *below(const struct config_row *parent, const struct config_row *row)
{
	size_t length = parent ? strlen(parent->path) : 0;

	if (length && strncmp(row->path, parent->path, length) != 0)
		return NULL;
	if (length && row->path[length] == '.')
		return row->path + length + 1;
	return !length || row->path[length] == '[' ? row->path + length : NULL;
}

/* Whether a row's path ends with this name: the row is right below, not deeper. */
static bool ends(const char *name)
{
	return !strchr(name, '.') && (name[0] == '[' || !strchr(name, '['));
}

const struct config_row *config_row_next(const struct config_row *parent,
					 const struct config_row *previous, const char **name)
{
	size_t i = previous ? index_of(previous) + 1 : parent ? index_of(parent) + 1 : 0;

	for (; i < config_rows_count; i++) {
		*name = below(parent, &config_rows[i]);
		if (!*name)
			return NULL; /* what is below stands together */
		if (ends(*name))
			return &config_rows[i];
	}
	return NULL;
}

const struct config_row *config_row_below(const struct config_row *parent, const char *key)
{
	const struct config_row *row = NULL;
	const char *name;

	while ((row = config_row_next(parent, row, &name)))
		if (strcmp(name, key) == 0 || (strcmp(name, "*") == 0 && strcmp(key, "[]") != 0))
			return row;
	return NULL;
}

void config_expected(const struct config_row *row, char *out, size_t size)
{
	static const struct {
		enum config_kind kind;
		const char *words;
	} kinds[] = {{CONFIG_LIST, "a list (\"- ITEM\")"}, {CONFIG_MAP, "keys (\"NAME: VALUE\")"}};
	size_t used = 0;

	out[0] = '\0';
	if (row->type && row->type->expected)
		snprintf(out, size, "%s", row->type->expected);
	else if (row->type)
		row->type->describe(row, out, size);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!(row->kinds & 1U << kinds[i].kind))
			continue;
		used = strlen(out);
		snprintf(out + used, size - used, "%s%s", used ? " or " : "", kinds[i].words);
	}
}
