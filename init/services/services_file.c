#include "init/services/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "init/services/services_check.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum kind { TEXT, LIST, MAP_OR_LIST, BOOL, INTEGER, COUNT, SECONDS, SECTION };

/* Every key of a service; what isn't here is refused, with its line. */
static const struct key {
	const char *name;
	enum kind kind;
	size_t offset;
} keys[] = {
#define KEY(key_name, key_kind, member)                                                            \
	{                                                                                          \
		key_name, key_kind, offsetof(struct service_spec, member)                          \
	}
	KEY("image", TEXT, image),
	KEY("entrypoint", LIST, entrypoint),
	KEY("command", LIST, command),
	KEY("environment", MAP_OR_LIST, environment),
	KEY("volumes", LIST, volumes),
	KEY("tmpfs", LIST, tmpfs),
	KEY("cap_add", LIST, cap_add),
	KEY("cap_drop", LIST, cap_drop),
	KEY("security_opt", LIST, security_opt),
	KEY("depends_on", LIST, depends_on),
	KEY("after", LIST, after),
	KEY("network_mode", TEXT, network_mode),
	KEY("pid", TEXT, pid),
	KEY("ipc", TEXT, ipc),
	KEY("uts", TEXT, uts),
	KEY("cgroup", TEXT, cgroup),
	KEY("user", TEXT, user),
	KEY("working_dir", TEXT, working_dir),
	KEY("hostname", TEXT, hostname),
	KEY("stop_signal", TEXT, stop_signal),
	KEY("privileged", BOOL, privileged),
	KEY("read_only", BOOL, read_only),
	KEY("required", BOOL, required),
	KEY("user_docker", BOOL, user_docker),
	KEY("oom_score_adj", INTEGER, oom_score_adj),
	KEY("stop_grace_period", SECONDS, stop_grace_s),
	KEY("healthcheck", SECTION, health), /* its keys: HEALTHCHECK.NAME */
	KEY("healthcheck.test", LIST, health.test),
	KEY("healthcheck.interval", SECONDS, health.interval_s),
	KEY("healthcheck.timeout", SECONDS, health.timeout_s),
	KEY("healthcheck.start_period", SECONDS, health.start_period_s),
	KEY("healthcheck.retries", COUNT, health.retries),
#undef KEY
};

struct reader {
	yaml_document_t document;
	const char *name;
	struct error *err;
	bool added; /* to the image's own, by a person */
};

static int refuse(const struct reader *reader, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(const struct reader *reader, const yaml_node_t *node, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return error_set(reader->err, -EINVAL, "%s, line %zu, column %zu: %s", reader->name,
			 node->start_mark.line + 1, node->start_mark.column + 1, what);
}

static yaml_node_t *node_at(struct reader *reader, int index)
{
	return yaml_document_get_node(&reader->document, index);
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* A NUL within a scalar would hide what stands behind it. */
static bool is_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && strlen(scalar(node)) == node->data.scalar.length;
}

static int read_text(struct reader *reader, const yaml_node_t *node, const char *key, char **out)
{
	if (!is_text(node) || !*scalar(node))
		return refuse(reader, node, "%s must be a text", key);
	*out = strdup(scalar(node));
	return *out ? 0 : error_oom(reader->err);
}

static int list_add(struct reader *reader, const yaml_node_t *node, struct spec_list *list,
		    char *item)
{
	char **bigger;

	if (!item)
		return error_oom(reader->err);
	bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));
	if (!bigger || list->count == SPEC_LIST_MAX) {
		list->items = bigger ? bigger : list->items;
		free(item);
		return bigger ? refuse(reader, node, "more than %d items", SPEC_LIST_MAX)
			      : error_oom(reader->err);
	}
	list->items = bigger;
	list->items[list->count++] = item;
	return 0;
}

static int read_list(struct reader *reader, const yaml_node_t *node, const char *key,
		     struct spec_list *list)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return refuse(reader, node, "%s must be a list", key);
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const yaml_node_t *entry = node_at(reader, *item);
		int r;

		if (!is_text(entry))
			return refuse(reader, entry, "an item of %s must be a text", key);
		r = list_add(reader, entry, list, strdup(scalar(entry)));
		if (r < 0)
			return r;
	}
	return 0;
}

/* environment: a list of NAME=VALUE, or a mapping. */
static int read_map_or_list(struct reader *reader, const yaml_node_t *node, const char *key,
			    struct spec_list *list)
{
	if (node->type != YAML_MAPPING_NODE)
		return read_list(reader, node, key, list);
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *left = node_at(reader, pair->key);
		const yaml_node_t *right = node_at(reader, pair->value);
		char *joined = NULL;
		int r;

		if (!is_text(left) || !is_text(right))
			return refuse(reader, left, "%s must hold texts only", key);
		if (asprintf(&joined, "%s=%s", scalar(left), scalar(right)) < 0)
			joined = NULL;
		r = list_add(reader, left, list, joined);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_bool(struct reader *reader, const yaml_node_t *node, const char *key, bool *out)
{
	if (is_text(node) && strcmp(scalar(node), "true") == 0)
		*out = true;
	else if (is_text(node) && strcmp(scalar(node), "false") == 0)
		*out = false;
	else
		return refuse(reader, node, "%s must be true or false", key);
	return 0;
}

/* A whole number; `unit` (may be "") must stand behind it. */
static int read_number(struct reader *reader, const yaml_node_t *node, const char *key,
		       const char *unit, long least, long most, long *out)
{
	char *end = NULL;
	long value = 0;

	errno = 0;
	if (is_text(node) && *scalar(node))
		value = strtol(scalar(node), &end, 10);
	if (!end || end == scalar(node) || errno || strcmp(end, unit) != 0 || value < least ||
	    value > most)
		return refuse(reader, node, "%s must be a whole number from %ld%s to %ld%s", key,
			      least, unit, most, unit);
	*out = value;
	return 0;
}

static int read_value(struct reader *reader, const yaml_node_t *node, const struct key *key,
		      struct service_spec *spec)
{
	void *member = (char *)spec + key->offset;

	switch (key->kind) {
	case TEXT:
		return read_text(reader, node, key->name, member);
	case LIST:
		return read_list(reader, node, key->name, member);
	case MAP_OR_LIST:
		return read_map_or_list(reader, node, key->name, member);
	case BOOL:
		return read_bool(reader, node, key->name, member);
	case INTEGER:
		return read_number(reader, node, key->name, "", -1000, 1000, member);
	case COUNT:
		return read_number(reader, node, key->name, "", 1, 100, member);
	case SECONDS:
		return read_number(reader, node, key->name, "s", 1, 3600, member);
	case SECTION:
		break; /* read_keys */
	}
	return -EINVAL;
}

static const struct key *find_key(const char *prefix, const char *name)
{
	size_t length = strlen(prefix);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strncmp(keys[i].name, prefix, length) == 0 &&
		    strcmp(keys[i].name + length, name) == 0)
			return &keys[i];
	return NULL;
}

static int read_section(struct reader *reader, const yaml_node_t *node, const struct key *key,
			struct service_spec *spec, uint64_t *seen);

/* Keys of a service, or of a section in it: `prefix` is "" or "SECTION.". */
static int read_keys(struct reader *reader, const yaml_node_t *node, const char *prefix,
		     struct service_spec *spec, uint64_t *seen)
{
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *left = node_at(reader, pair->key);
		const yaml_node_t *right = node_at(reader, pair->value);
		const struct key *key = is_text(left) ? find_key(prefix, scalar(left)) : NULL;
		int r;

		if (!key || strchr(scalar(left), '.'))
			return refuse(reader, left, "unknown key \"%s%s\" in service %s", prefix,
				      left->type == YAML_SCALAR_NODE ? scalar(left) : "?",
				      spec->name);
		if (*seen & UINT64_C(1) << (key - keys))
			return refuse(reader, left, "%s stands twice in service %s", key->name,
				      spec->name);
		*seen |= UINT64_C(1) << (key - keys);
		r = key->kind == SECTION ? read_section(reader, right, key, spec, seen)
					 : read_value(reader, right, key, spec);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_section(struct reader *reader, const yaml_node_t *node, const struct key *key,
			struct service_spec *spec, uint64_t *seen)
{
	const struct spec_list *test = &spec->health.test;
	char prefix[64];
	int r;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(reader, node, "%s must be a mapping", key->name);
	snprintf(prefix, sizeof(prefix), "%s.", key->name);
	r = read_keys(reader, node, prefix, spec, seen);
	if (r < 0)
		return r;
	/* As in Compose. */
	if (test->count < 2 || (strcmp(test->items[0], "CMD") != 0 &&
				(strcmp(test->items[0], "CMD-SHELL") != 0 || test->count != 2)))
		return refuse(reader, node,
			      "%s.test must be [CMD, PROGRAM, ARGUMENT…] or [CMD-SHELL, LINE]",
			      key->name);
	return 0;
}

/* Names become container names and console lines. */
static bool is_service_name(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= 32 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length && name[0] != '-';
}

static int read_service(struct reader *reader, const yaml_node_t *name, const yaml_node_t *node,
			struct service_spec *spec)
{
	uint64_t seen = 0;
	int r;

	if (!is_text(name) || !is_service_name(scalar(name)))
		return refuse(reader, name,
			      "a service's name is 1 to 32 of a-z, 0-9 and -, not - first");
	spec->name = strdup(scalar(name));
	if (!spec->name)
		return error_oom(reader->err);
	if (node->type != YAML_MAPPING_NODE)
		return refuse(reader, node, "service %s must be a mapping", spec->name);
	r = read_keys(reader, node, "", spec, &seen);
	if (r < 0)
		return r;
	if (!spec->image)
		return refuse(reader, name, "service %s needs an image", spec->name);
	return 0;
}

static int read_services(struct reader *reader, const yaml_node_t *node, struct services_file *file)
{
	size_t count;
	int r;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(reader, node, "services must be a mapping of names to services");
	count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
	if (count == 0 || count > SPEC_SERVICES_MAX)
		return refuse(reader, node, "there must be 1 to %d services", SPEC_SERVICES_MAX);
	file->services = calloc(count, sizeof(*file->services));
	if (!file->services)
		return error_oom(reader->err);
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = node_at(reader, pair->key);
		struct service_spec *spec = &file->services[file->count];

		if (is_text(name) && services_file_find(file, scalar(name)))
			return refuse(reader, name, "service %s stands twice", scalar(name));
		*spec = (struct service_spec){
			.required = !reader->added, .added = reader->added, .stop_grace_s = 10};
		file->count++;
		r = read_service(reader, name, node_at(reader, pair->value), spec);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_document(struct reader *reader, struct services_file *file)
{
	const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
	bool found = false;
	int r;

	if (!root)
		return error_set(reader->err, -EINVAL, "%s is empty", reader->name);
	if (root->type != YAML_MAPPING_NODE)
		return refuse(reader, root, "the file must be a mapping with the key services");
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_at(reader, pair->key);

		if (!is_text(key) || strcmp(scalar(key), "services") != 0 || found)
			return refuse(reader, key, "%s key \"%s\"",
				      found ? "superfluous" : "unknown",
				      key->type == YAML_SCALAR_NODE ? scalar(key) : "?");
		found = true;
		r = read_services(reader, node_at(reader, pair->value), file);
		if (r < 0)
			return r;
	}
	if (!found)
		return refuse(reader, root, "the key services is missing");
	return 0;
}

static int load(struct reader *reader, const char *text, size_t size, struct services_file *file)
{
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return error_oom(reader->err);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &reader->document)) {
		r = error_set(reader->err, -EINVAL, "%s, line %zu, column %zu: %s", reader->name,
			      parser.problem_mark.line + 1, parser.problem_mark.column + 1,
			      parser.problem ? parser.problem : "not YAML");
		yaml_parser_delete(&parser);
		return r;
	}
	r = read_document(reader, file);
	yaml_document_delete(&reader->document);
	yaml_parser_delete(&parser);
	return r;
}

int services_file_parse(const char *text, size_t size, const char *name, struct services_file *out,
			struct error *err)
{
	struct reader reader = {.name = name, .err = err};
	struct services_file file = {0};
	int r = load(&reader, text, size, &file);

	if (r == 0)
		r = services_check_file(&file, name, err);
	if (r < 0)
		services_file_free(&file);
	else
		*out = file;
	return r;
}

/* Appends, checks the whole, and takes them out again where it is not right. */
static int append(struct reader *reader, struct services_file *file, struct services_file *added)
{
	size_t count = file->count;
	struct service_spec *bigger =
		realloc(file->services, (count + added->count) * sizeof(*bigger));
	int r;

	if (!bigger)
		return error_oom(reader->err);
	file->services = bigger;
	memcpy(&bigger[count], added->services, added->count * sizeof(*bigger));
	file->count += added->count;
	r = services_check_order(file, reader->name, reader->err);
	if (r < 0)
		file->count = count; /* they are the other's still */
	else
		added->count = 0;
	return r;
}

int services_file_add(struct services_file *file, const char *text, size_t size, const char *name,
		      struct error *err)
{
	struct reader reader = {.name = name, .err = err, .added = true};
	struct services_file added = {0};
	int r = load(&reader, text, size, &added);

	if (r == 0)
		r = services_check_added(file, &added, name, err);
	if (r == 0)
		r = append(&reader, file, &added);
	services_file_free(&added);
	return r;
}

int services_file_read(const char *path, struct services_file *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = io_read_file(path, SPEC_FILE_MAX, &text, &size, err);

	return r < 0 ? r : services_file_parse(text, size, path, out, err);
}

void services_file_free(struct services_file *file)
{
	for (size_t s = 0; s < file->count; s++) {
		free(file->services[s].name);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			void *member = (char *)&file->services[s] + keys[k].offset;
			struct spec_list *list = member;

			if (keys[k].kind == TEXT)
				free(*(char **)member);
			if (keys[k].kind != LIST && keys[k].kind != MAP_OR_LIST)
				continue;
			for (size_t i = 0; i < list->count; i++)
				free(list->items[i]);
			free(list->items);
		}
	}
	free(file->services);
	*file = (struct services_file){0};
}

const struct service_spec *services_file_find(const struct services_file *file, const char *name)
{
	for (size_t i = 0; i < file->count; i++)
		if (file->services[i].name && strcmp(file->services[i].name, name) == 0)
			return &file->services[i];
	return NULL;
}
