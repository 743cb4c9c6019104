#include "init/services/support_mask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/schema.h"

#define MASK "********"

static void print_below(FILE *out, const struct config_node *node, const struct config_row *row)
{
	if (node->kind == CONFIG_TEXT && row && row->flags & CONFIG_SECRET &&
	    strlen(node->text) >= MASK_SECRET_MIN) {
		fputs(node->text, out);
		fputc('\0', out);
	}
	for (size_t i = 0; i < node->count; i++) {
		const struct config_node *child = &node->children[i];

		print_below(out, child, config_row_below(row, child->key ? child->key : "[]"));
	}
}

void mask_print_secrets(FILE *out, const struct config_node *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		print_below(out, &tree->children[i], config_row_below(NULL, tree->children[i].key));
}

/* The length of the secret that stands at `at`, or 0. */
static size_t secret_at(const struct mask_secrets *secrets, const char *at, size_t left)
{
	size_t longest = 0;

	for (size_t i = 0; secrets && i < secrets->size;) {
		size_t length = strlen(secrets->texts + i);

		if (length > longest && length <= left &&
		    memcmp(at, secrets->texts + i, length) == 0)
			longest = length;
		i += length + 1;
	}
	return longest;
}

/* At a word's beginning: the length up to behind the = of "cc.KEY=", or 0. */
static size_t argument_at(const char *at, size_t left)
{
	size_t i = 3;

	if (left < 4 || memcmp(at, "cc.", 3) != 0)
		return 0;
	while (i < left && at[i] != '=' && (unsigned char)at[i] > ' ')
		i++;
	return i < left && at[i] == '=' ? i + 1 : 0;
}

/* The length of a kernel argument's value: blanks within double quotes are part of it. */
static size_t value_length(const char *at, size_t left, bool quoted)
{
	size_t i = 0;

	for (; i < left && at[i] != '\n' && (quoted || (unsigned char)at[i] > ' '); i++)
		if (at[i] == '"')
			quoted = !quoted;
	return i;
}

/* Behind "://": the length of "USER:PASSWORD" before an @, or 0. */
static size_t login_at(const char *text, size_t i, size_t left)
{
	size_t length = 0;

	if (i < 3 || memcmp(text + i - 3, "://", 3) != 0)
		return 0;
	while (length < left && text[i + length] > ' ' && !strchr("/@\"'", text[i + length]))
		length++;
	return length < left && text[i + length] == '@' ? length : 0;
}

static bool begins_word(const char *text, size_t i)
{
	return i == 0 || (unsigned char)text[i - 1] <= ' ' || strchr("\"'=:,", text[i - 1]);
}

/* "cc.KEY=a b" is one argument too. */
static bool opens_quotes(const char *text, size_t i)
{
	return i > 0 && text[i - 1] == '"';
}

int mask_text(const struct mask_secrets *secrets, char **text, size_t *size)
{
	char *masked = NULL;
	size_t masked_size, skip;
	FILE *out = open_memstream(&masked, &masked_size);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < *size; i += skip) {
		const char *at = *text + i;
		size_t left = *size - i;
		size_t name = begins_word(*text, i) ? argument_at(at, left) : 0;

		skip = name ? name + value_length(at + name, left - name, opens_quotes(*text, i))
			    : secret_at(secrets, at, left);
		if (!skip)
			skip = login_at(*text, i, left);
		if (name)
			fwrite(at, 1, name, out);
		if (skip)
			fputs(MASK, out);
		else
			fputc(*at, out);
		skip += !skip;
	}
	if (fclose(out) != 0) {
		free(masked);
		return -ENOMEM;
	}
	free(*text);
	*text = masked;
	*size = masked_size;
	return 0;
}

void mask_line(char *line)
{
	size_t length = strlen(line);

	for (size_t i = 0; i < length; i++) {
		size_t name = begins_word(line, i) ? argument_at(line + i, length - i) : 0;

		if (!name)
			continue;
		memset(line + i + name, '*',
		       value_length(line + i + name, length - i - name, opens_quotes(line, i)));
		i += name;
	}
}

static void mask_list(json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		size_t name = text ? strcspn(text, "=") : 0;

		if (text && text[name])
			json_array_set_new(list, i, json_sprintf("%.*s=" MASK, (int)name, text));
	}
}

void mask_environment(json_t *json)
{
	const char *key;
	size_t i;
	json_t *item;

	json_array_foreach(json, i, item) mask_environment(item);
	json_object_foreach(json, key, item)
	{
		if (strcmp(key, "Env") == 0)
			mask_list(item);
		else
			mask_environment(item);
	}
}
