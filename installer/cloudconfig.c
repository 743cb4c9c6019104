#include "installer/cloudconfig.h"

#include <errno.h>
#include <stdbool.h>

#include <yaml.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { DEPTH_MAX = 64 };

static int not_yaml(const yaml_parser_t *parser, const char *name, struct error *err)
{
	/* Bytes that are no characters have an offset instead of a line. */
	if (parser->error == YAML_READER_ERROR)
		return error_set(err, -EINVAL, "%s is not YAML: %s at byte %zu", name,
				 parser->problem ? parser->problem : "unreadable",
				 parser->problem_offset);
	return error_set(err, -EINVAL, "%s is not YAML: line %zu, column %zu: %s%s%s", name,
			 parser->problem_mark.line + 1, parser->problem_mark.column + 1,
			 parser->problem ? parser->problem : "malformed",
			 parser->context ? ", " : "", parser->context ? parser->context : "");
}

/* What is known of the text behind each event. */
struct seen {
	unsigned int documents, depth;
	bool top;     /* the next event is the document's top */
	bool mapping; /* the top is one */
	bool ended;
};

static int take_event(struct seen *seen, const yaml_event_t *event, const char *name,
		      struct error *err)
{
	if (seen->top)
		seen->mapping = event->type == YAML_MAPPING_START_EVENT;
	seen->top = event->type == YAML_DOCUMENT_START_EVENT;
	seen->documents += seen->top;
	seen->ended = event->type == YAML_STREAM_END_EVENT;
	if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		seen->depth++;
	if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
		seen->depth--;
	if (seen->documents > 1)
		return error_set(err, -EINVAL,
				 "%s holds more than one YAML document: a second begins in line %zu",
				 name, event->start_mark.line + 1);
	/* Deeper ones take libyaml minutes. */
	if (seen->depth > DEPTH_MAX)
		return error_set(err, -EINVAL, "%s: line %zu is nested more than %d levels deep",
				 name, event->start_mark.line + 1, DEPTH_MAX);
	return 0;
}

/* Goes through all events; `mapping` tells whether the top is one. */
static int check_events(yaml_parser_t *parser, const char *name, bool *mapping, struct error *err)
{
	struct seen seen = {.ended = false};

	while (!seen.ended) {
		yaml_event_t event;
		int r;

		if (!yaml_parser_parse(parser, &event))
			return not_yaml(parser, name, err);
		r = take_event(&seen, &event, name, err);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
	*mapping = seen.mapping;
	return 0;
}

int cloudconfig_check(const char *name, const char *text, size_t size, struct error *err)
{
	yaml_parser_t parser;
	bool mapping = false;
	int r;

	if (!yaml_parser_initialize(&parser))
		return error_oom(err);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	r = check_events(&parser, name, &mapping, err);
	yaml_parser_delete(&parser);
	if (r == 0 && !mapping)
		r = error_set(err, -EINVAL,
			      "%s is no cloud-config: at its top must stand keys (\"hostname: …\")",
			      name);
	return r;
}

int cloudconfig_load(const char *path, char **out, size_t *size, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = io_read_file(path, CLOUDCONFIG_SIZE_MAX, &text, size, err);

	if (r == 0)
		r = cloudconfig_check(path, text, *size, err);
	if (r == 0)
		*out = ptr_take(text);
	return r;
}
