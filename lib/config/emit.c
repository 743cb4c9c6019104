#include "lib/config/emit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "lib/cleanup.h"
#include "lib/config/schema.h"
#include "lib/config/yaml.h"

#define MASK "********"

enum { WIDTH = 96, PLACE_COLUMN = 40 };

static bool is_hidden(const struct config_row *row, enum config_secrets secrets)
{
	return secrets == CONFIG_MASK_SECRETS && row && row->flags & CONFIG_SECRET;
}

static const struct config_row *row_below(const struct config_row *row, bool top, const char *key)
{
	return row || top ? config_row_below(row, key) : NULL;
}

static int write_stream(void *out, unsigned char *bytes, size_t size)
{
	return fwrite(bytes, 1, size, out) == size;
}

/* Passes an event on; the emitter frees it, also where it fails. */
static bool put(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(emitter, event);
}

/* Whether a text may stand as a block ("|") as libyaml 0.2.5 writes them. */
static bool is_block(const char *text)
{
	if (!strchr(text, '\n') || strchr(" \n", *text))
		return false;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 && *c != '\n')
			return false;
		/* Blank lines, lines that begin further in, blanks at an end. */
		if ((c[0] == '\n' && (c[1] == ' ' || c[1] == '\n')) ||
		    (c[0] == ' ' && (c[1] == '\n' || !c[1])))
			return false;
	}
	return true;
}

static yaml_scalar_style_t style_of(const char *text, bool quoted)
{
	if (is_block(text))
		return YAML_LITERAL_SCALAR_STYLE;
	/* A lone "-" libyaml writes so that it reads back as a list. */
	if (quoted || config_is_null(text) || strcmp(text, "-") == 0 || strchr(text, '\n'))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_ANY_SCALAR_STYLE;
}

static bool put_text(yaml_emitter_t *emitter, const char *text, bool quoted)
{
	yaml_event_t event;

	return put(emitter, &event,
		   yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						(int)strlen(text), 1, 1, style_of(text, quoted)));
}

static bool put_node(yaml_emitter_t *emitter, const struct config_node *node,
		     const struct config_row *row, bool top, enum config_secrets secrets)
{
	yaml_event_t event;
	bool ok;

	switch (node->kind) {
	case CONFIG_NOTHING:
		return put(emitter, &event,
			   yaml_scalar_event_initialize(&event, NULL, NULL,
							(const yaml_char_t *)"~", 1, 1, 0,
							YAML_PLAIN_SCALAR_STYLE));
	case CONFIG_TEXT:
		return put_text(emitter, is_hidden(row, secrets) ? MASK : node->text, node->quoted);
	case CONFIG_LIST:
		ok = put(emitter, &event,
			 yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							      YAML_BLOCK_SEQUENCE_STYLE));
		for (size_t i = 0; i < node->count && ok; i++)
			ok = put_node(emitter, &node->children[i], row_below(row, top, "[]"), false,
				      secrets);
		return ok && put(emitter, &event, yaml_sequence_end_event_initialize(&event));
	case CONFIG_MAP:
		ok = put(emitter, &event,
			 yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							     YAML_BLOCK_MAPPING_STYLE));
		for (size_t i = 0; i < node->count && ok; i++) {
			const struct config_node *child = &node->children[i];

			ok = put_text(emitter, child->key, false) &&
			     put_node(emitter, child, row_below(row, top, child->key), false,
				      secrets);
		}
		return ok && put(emitter, &event, yaml_mapping_end_event_initialize(&event));
	}
	return false;
}

int config_emit(FILE *out, const struct config_node *tree, enum config_secrets secrets)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	bool ok;

	if (!yaml_emitter_initialize(&emitter))
		return -ENOMEM;
	yaml_emitter_set_output(&emitter, write_stream, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, WIDTH);
	ok = put(&emitter, &event,
		 yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
	     put(&emitter, &event,
		 yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
	     put_node(&emitter, tree, NULL, true, secrets) &&
	     put(&emitter, &event, yaml_document_end_event_initialize(&event, 1)) &&
	     put(&emitter, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&emitter);
	/* A full disk is the stream's own error. */
	return ok || ferror(out) ? 0 : -ENOMEM;
}

/* One line: what would end it is shown as YAML shows it. */
static int print_text(FILE *out, const char *text)
{
	int width = 0;

	for (; *text; text++) {
		if (*text == '\n')
			width += fprintf(out, "\\n");
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			width += fprintf(out, "\\x%02x", (unsigned int)(unsigned char)*text);
		else {
			fputc(*text, out);
			width += ((unsigned char)*text & 0xc0) !=
				 0x80; /* UTF-8: by its first byte */
		}
	}
	return width;
}

static void print_line(FILE *out, const struct config_node *node, const char *path, bool hidden)
{
	int width = fprintf(out, "%s: ", path) + print_text(out, node->kind == CONFIG_LIST  ? "[]"
								 : node->kind == CONFIG_MAP ? "{}"
								 : hidden                   ? MASK
									  : node->text);

	fprintf(out, "%*s  # %s", width < PLACE_COLUMN ? PLACE_COLUMN - width : 0, "",
		node->at.source);
	if (node->at.line)
		fprintf(out, ":%u", node->at.line);
	fputc('\n', out);
}

static int print_places(FILE *out, const struct config_node *node, const struct config_row *row,
			const char *path, enum config_secrets secrets)
{
	if (node->kind == CONFIG_TEXT || (node->kind != CONFIG_NOTHING && node->count == 0))
		print_line(out, node, path, is_hidden(row, secrets));
	for (size_t i = 0; i < node->count; i++) {
		const struct config_node *child = &node->children[i];
		_cleanup_free_ char *below = NULL;
		int r;

		if (!child->key)
			r = asprintf(&below, "%s[%zu]", path, i);
		else if (strpbrk(child->key, ".[\""))
			r = asprintf(&below, "%s%s\"%s\"", path, *path ? "." : "", child->key);
		else
			r = asprintf(&below, "%s%s%s", path, *path ? "." : "", child->key);
		if (r < 0)
			return -ENOMEM;
		r = print_places(out, child, row_below(row, !*path, child->key ? child->key : "[]"),
				 below, secrets);
		if (r < 0)
			return r;
	}
	return 0;
}

int config_emit_places(FILE *out, const struct config_node *tree, enum config_secrets secrets)
{
	return print_places(out, tree, NULL, "", secrets);
}
