#include "lib/config/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "lib/cleanup.h"

enum { ANCHORS_MAX = 256 }; /* they are searched one by one */

/* A value that an alias (*name) may repeat. */
struct anchor {
	char *name;
	struct config_node value;
};

struct reader {
	yaml_parser_t parser;
	const char *source;
	struct config_problems *problems;
	struct anchor *anchors;
	size_t anchors_count, nodes;
};

static struct config_place place(const struct reader *reader, yaml_mark_t mark)
{
	return (struct config_place){reader->source, (unsigned int)mark.line + 1,
				     (unsigned int)mark.column + 1};
}

/* Reports what is wrong at a mark. Reading goes on, unless the report cannot be kept. */
#define report(reader, mark, ...)                                                                  \
	({                                                                                         \
		struct config_place at_ = place(reader, mark);                                     \
		config_problem((reader)->problems, CONFIG_ERROR, &at_, NULL, __VA_ARGS__);         \
	})

/* The same, and the end of reading: -EINVAL, or -ENOMEM. */
#define give_up(reader, mark, ...) (report(reader, mark, __VA_ARGS__) < 0 ? -ENOMEM : -EINVAL)

static int not_yaml(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "malformed";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	/* Bytes that are no characters have an offset instead of a line. */
	if (parser->error == YAML_READER_ERROR)
		return give_up(reader, ((yaml_mark_t){0}), "not YAML: %s at byte %zu", problem,
			       parser->problem_offset);
	return give_up(reader, parser->problem_mark, "not YAML: %s%s%s", problem,
		       parser->context ? ", " : "", parser->context ? parser->context : "");
}

static int next(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : not_yaml(reader);
}

#define _cleanup_event_ __attribute__((cleanup(yaml_event_delete)))

static const char *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static const char *tag_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return (const char *)event->data.mapping_start.tag;
	default:
		return NULL;
	}
}

/* Aliases of aliases double with every line ("billion laughs"). */
static int count(struct reader *reader, const yaml_event_t *event, size_t nodes)
{
	reader->nodes += nodes;
	if (reader->nodes <= CONFIG_NODES_MAX)
		return 0;
	return give_up(reader, event->start_mark, "more than %d values, with what aliases repeat",
		       CONFIG_NODES_MAX);
}

static int too_deep(struct reader *reader, const yaml_event_t *event)
{
	return give_up(reader, event->start_mark, "nested more than %d levels deep",
		       CONFIG_DEPTH_MAX);
}

static int remember(struct reader *reader, const yaml_event_t *event,
		    const struct config_node *value)
{
	const char *name = anchor_of(event);
	struct anchor *bigger, *anchor;
	int r;

	if (reader->anchors_count == ANCHORS_MAX)
		return give_up(reader, event->start_mark, "more than %d anchors (&%s)", ANCHORS_MAX,
			       name);
	bigger = realloc(reader->anchors, (reader->anchors_count + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	reader->anchors = bigger;
	anchor = &bigger[reader->anchors_count];
	*anchor = (struct anchor){.name = strdup(name)};
	if (!anchor->name)
		return -ENOMEM;
	reader->anchors_count++;
	r = count(reader, event, config_size(value));
	return r < 0 ? r : config_copy(&anchor->value, value);
}

/* The latest value of that name counts, as YAML has it. */
static int repeat(struct reader *reader, const yaml_event_t *event, struct config_node *out,
		  unsigned int depth)
{
	const char *name = (const char *)event->data.alias.anchor;

	for (size_t i = reader->anchors_count; i-- > 0;) {
		const struct anchor *anchor = &reader->anchors[i];
		int r;

		if (strcmp(anchor->name, name) != 0)
			continue;
		if (depth + config_depth(&anchor->value) > CONFIG_DEPTH_MAX)
			return too_deep(reader, event);
		r = count(reader, event, config_size(&anchor->value));
		return r < 0 ? r : config_copy(out, &anchor->value);
	}
	return give_up(reader, event->start_mark,
		       "*%s repeats what is not there (no &%s before it)", name, name);
}

bool config_is_null(const char *text)
{
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
	       strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

static int take_scalar(struct reader *reader, const yaml_event_t *event, struct config_node *out)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = tag_of(event);

	if (strlen(text) != event->data.scalar.length)
		return report(reader, event->start_mark, "a text with a NUL character in it");
	out->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
		      (tag && strcmp(tag, YAML_STR_TAG) == 0);
	if (!out->quoted && config_is_null(text))
		return 0;
	out->text = strdup(text);
	out->kind = CONFIG_TEXT;
	return out->text ? 0 : -ENOMEM;
}

static int read_value(struct reader *reader, const yaml_event_t *event, struct config_node *out,
		      unsigned int depth);

static int read_list(struct reader *reader, struct config_node *out, unsigned int depth)
{
	for (;;) {
		_cleanup_event_ yaml_event_t event = {0};
		struct config_node *item;
		int r = next(reader, &event);

		if (r < 0 || event.type == YAML_SEQUENCE_END_EVENT)
			return r;
		item = config_add(out, NULL);
		if (!item)
			return -ENOMEM;
		item->at = place(reader, event.start_mark);
		r = read_value(reader, &event, item, depth);
		if (r < 0)
			return r;
	}
}

/* Keys become names of files, variables and arguments, a line each. */
static bool is_one_line(const yaml_event_t *key)
{
	const unsigned char *text = key->data.scalar.value;

	for (size_t i = 0; i < key->data.scalar.length; i++)
		if (text[i] < ' ' || text[i] == 127)
			return false;
	return true;
}

/* A key that is no text: reported, and what belongs to it is left out. */
static int skip_pair(struct reader *reader, const yaml_event_t *key, unsigned int depth)
{
	_cleanup_event_ yaml_event_t event = {0};
	_cleanup_config_ struct config_node skipped = {0}, value = {0};
	int r = report(reader, key->start_mark, "a key must be a text of one line");

	if (r == 0)
		r = read_value(reader, key, &skipped, depth);
	if (r == 0)
		r = next(reader, &event);
	return r < 0 ? r : read_value(reader, &event, &value, depth);
}

static int read_pair(struct reader *reader, const yaml_event_t *key, struct config_node *out,
		     unsigned int depth)
{
	_cleanup_event_ yaml_event_t event = {0};
	struct config_node *child;
	char *name;
	int r;

	if (key->type != YAML_SCALAR_EVENT || !is_one_line(key))
		return skip_pair(reader, key, depth);
	name = strdup((const char *)key->data.scalar.value);
	child = name ? config_add(out, name) : NULL;
	if (!child)
		return -ENOMEM;
	r = next(reader, &event);
	if (r == 0)
		r = read_value(reader, &event, child, depth);
	child->at = place(reader, key->start_mark);
	if (r == 0 && strcmp(child->key, "<<") == 0)
		r = report(reader, key->start_mark,
			   "merge keys (<<) are not understood: write the keys out");
	return r;
}

static int compare_keys(const void *left, const void *right)
{
	const struct config_node *a = *(struct config_node *const *)left;
	const struct config_node *b = *(struct config_node *const *)right;
	int r = strcmp(a->key, b->key);

	return r ? r : (a > b) - (a < b); /* of one key: as they stand in the file */
}

/* The first of two counts, as long as nobody has mended the file. */
static int check_twice(struct reader *reader, struct config_node *map)
{
	_cleanup_free_ struct config_node **sorted = NULL;
	int r = 0;

	if (map->count < 2)
		return 0;
	sorted = malloc(map->count * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++)
		sorted[i] = &map->children[i];
	qsort(sorted, map->count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < map->count && r == 0; i++) {
		if (strcmp(sorted[i]->key, sorted[i - 1]->key) != 0)
			continue;
		sorted[i]->bad = true;
		r = config_problem(reader->problems, CONFIG_ERROR, &sorted[i]->at, sorted[i]->key,
				   "stands twice, before this in line %u", sorted[i - 1]->at.line);
	}
	return r;
}

static int read_map(struct reader *reader, struct config_node *out, unsigned int depth)
{
	for (;;) {
		_cleanup_event_ yaml_event_t event = {0};
		int r = next(reader, &event);

		if (r == 0 && event.type == YAML_MAPPING_END_EVENT)
			return check_twice(reader, out);
		if (r == 0)
			r = read_pair(reader, &event, out, depth);
		if (r < 0)
			return r;
	}
}

/* Of tags, YAML's own names for what is there anyway are understood. */
static int check_tag(struct reader *reader, const yaml_event_t *event, struct config_node *out)
{
	static const char *const known[] = {YAML_STR_TAG, YAML_INT_TAG, YAML_BOOL_TAG, YAML_SEQ_TAG,
					    YAML_MAP_TAG};
	const char *tag = tag_of(event);

	if (!tag)
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(tag, known[i]) == 0)
			return 0;
	out->bad = true;
	if (strcmp(tag, "tag:yaml.org,2002:binary") == 0)
		return report(reader, event->start_mark,
			      "!!binary is not understood: write a text, and \"encoding: b64\" "
			      "beside it");
	return report(reader, event->start_mark, "the tag %s is not understood: leave it out", tag);
}

/* The value that begins with `event`; `out` is empty. `depth`: of what it stands in. */
static int read_value(struct reader *reader, const yaml_event_t *event, struct config_node *out,
		      unsigned int depth)
{
	int r;

	if (event->type == YAML_ALIAS_EVENT)
		return repeat(reader, event, out, depth);
	if (depth == CONFIG_DEPTH_MAX && event->type != YAML_SCALAR_EVENT)
		return too_deep(reader, event);
	r = count(reader, event, 1);
	if (r == 0)
		r = check_tag(reader, event, out);
	if (r < 0)
		return r;
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
		out->kind = CONFIG_LIST;
		r = read_list(reader, out, depth + 1);
		break;
	case YAML_MAPPING_START_EVENT:
		out->kind = CONFIG_MAP;
		r = read_map(reader, out, depth + 1);
		break;
	default:
		r = take_scalar(reader, event, out);
	}
	if (r == 0 && anchor_of(event))
		r = remember(reader, event, out);
	return r;
}

static int read_document(struct reader *reader, struct config_node *out)
{
	_cleanup_event_ yaml_event_t top = {0}, end = {0};
	int r = next(reader, &top);

	if (r == 0)
		r = read_value(reader, &top, out, 0);
	if (r == 0)
		r = next(reader, &end);
	out->at = place(reader, top.start_mark);
	return r;
}

static int read_stream(struct reader *reader, struct config_node *out)
{
	bool found = false;

	for (;;) {
		_cleanup_event_ yaml_event_t event = {0};
		int r = next(reader, &event);

		if (r < 0 || event.type == YAML_STREAM_END_EVENT)
			return r;
		if (event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (found)
			return give_up(reader, event.start_mark,
				       "a second YAML document: a file holds one");
		found = true;
		r = read_document(reader, out);
		if (r < 0)
			return r;
	}
}

int config_read_value(const char *source, const char *text, size_t size, struct config_node *out,
		      struct config_problems *problems)
{
	struct reader reader = {.source = source, .problems = problems};
	int r;

	if (!yaml_parser_initialize(&reader.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	r = read_stream(&reader, out);
	yaml_parser_delete(&reader.parser);
	for (size_t i = 0; i < reader.anchors_count; i++) {
		free(reader.anchors[i].name);
		config_clear(&reader.anchors[i].value);
	}
	free(reader.anchors);
	return r == -EINVAL ? CONFIG_CUT : r;
}

int config_read_yaml(const char *source, const char *text, size_t size, struct config_node *out,
		     struct config_problems *problems)
{
	const struct config_place start = {source, 1, 1};
	size_t errors = problems->errors;
	int r = config_read_value(source, text, size, out, problems);

	if (r == 0 && out->kind != CONFIG_MAP && out->kind != CONFIG_NOTHING &&
	    problems->errors == errors &&
	    config_problem(problems, CONFIG_ERROR, out->at.line ? &out->at : &start, NULL,
			   "at the top must stand keys (\"hostname: …\")") < 0)
		return -ENOMEM;
	if (out->kind != CONFIG_MAP) {
		config_clear(out);
		out->kind = CONFIG_MAP;
		out->at = start;
	}
	return r;
}
