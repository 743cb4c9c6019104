#include "init/services/docker_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/services/run.h"
#include "lib/cleanup.h"
#include "lib/config/types.h"
#include "lib/config/values.h"
#include "lib/io.h"

#define DOCKERD    "/usr/sbin/dockerd"
#define LOG_DRIVER "--log-driver=" /* always there: the schema has a default */

/* Each key, and the argument that it becomes. */
static const struct {
	const char *key;
	const char *argument; /* the value stands behind it */
} options[] = {
	{"log_driver", LOG_DRIVER},
	{"log_opts", "--log-opt="}, /* NAME=VALUE */
	{"registry_mirrors", "--registry-mirror="},
	{"insecure_registries", "--insecure-registry="},
	{"bip", "--bip="},
	{"extra_args", ""},
};

/* Programs read one spelling or the other. */
static const struct {
	const char *key, *names[2];
} proxies[] = {
	{"proa.network.http_proxy", {"HTTP_PROXY", "http_proxy"}},
	{"proa.network.https_proxy", {"HTTPS_PROXY", "https_proxy"}},
	{"proa.network.no_proxy", {"NO_PROXY", "no_proxy"}},
};

static int add(struct spec_list *list, const char *before, const char *middle, const char *text)
{
	char **bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));
	char *item = NULL;

	if (bigger)
		list->items = bigger;
	if (!bigger || asprintf(&item, "%s%s%s", before, middle, text) < 0)
		return -ENOMEM;
	list->items[list->count++] = item;
	return 0;
}

static void cut(struct spec_list *list, size_t count)
{
	while (list->count > count)
		free(list->items[--list->count]);
}

/* A text, a list of texts, or names and their values. */
static int add_option(struct spec_list *list, const char *argument, const struct config_node *node)
{
	char name[256];
	int r = 0;

	if (node->kind == CONFIG_TEXT)
		return add(list, argument, "", node->text);
	for (size_t i = 0; i < node->count && r == 0; i++) {
		const struct config_node *child = &node->children[i];

		snprintf(name, sizeof(name), "%s%s", child->key ? child->key : "",
			 child->key ? "=" : "");
		r = add(list, argument, name, child->text);
	}
	return r;
}

/* A key of the section "proa.docker" or "proa.system_docker". */
static const struct config_node *of(const struct config *config, const char *section,
				    const char *key)
{
	const struct config_node *node = config_get(config, section);

	return node ? config_child(node, key) : NULL;
}

static int add_environment(const struct config *config, const char *section, struct spec_list *list)
{
	const struct config_node *own = of(config, section, "environment");
	int r = 0;

	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]) && r == 0; i++) {
		const char *value = config_get_text(config, proxies[i].key);

		for (size_t n = 0; n < 2 && value && r == 0; n++)
			r = add(list, proxies[i].names[n], "=", value);
	}
	/* Behind the proxies: what is said of one Docker alone counts for it. */
	return r == 0 && own ? add_option(list, "", own) : r;
}

static int add_arguments(const struct config *config, const char *section, struct spec_list *list)
{
	const struct config_node *debug = of(config, section, "debug");
	bool on = false;
	int r = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && r == 0; i++) {
		const struct config_node *node = of(config, section, options[i].key);

		if (node)
			r = add_option(list, options[i].argument, node);
	}
	if (r == 0 && debug && debug->text && config_read_bool(debug->text, &on) && on)
		r = add(list, "--debug", "", "");
	return r;
}

int docker_options_apply(const struct config *config, struct docker_options *base,
			 struct service_spec *spec)
{
	int r;

	if (!base->measured)
		*base = (struct docker_options){spec->command.count, spec->environment.count, true};
	cut(&spec->command, base->arguments);
	cut(&spec->environment, base->environment);
	r = add_arguments(config, "proa.docker", &spec->command);
	return r == 0 ? add_environment(config, "proa.docker", &spec->environment) : r;
}

/* Writes the lines down, and empties the list. Returns how many were written. */
static size_t print_lines(FILE *out, struct spec_list *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->count; i++) {
		/* That is how PID 1 starts it anyway. */
		if (strcmp(lines->items[i], LOG_DRIVER "local") == 0)
			continue;
		fprintf(out, "%s\n", lines->items[i]);
		count++;
	}
	cut(lines, 0);
	return count;
}

int docker_options_system(const struct config *config, const char *path, struct error *err)
{
	struct spec_list lines = {0};
	_cleanup_free_ char *text = NULL, *before = NULL;
	size_t size, arguments, variables;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return error_oom(err);
	r = add_arguments(config, "proa.system_docker", &lines);
	arguments = print_lines(out, &lines);
	if (r == 0)
		r = add_environment(config, "proa.system_docker", &lines);
	variables = print_lines(out, &lines);
	free(lines.items);
	if (fclose(out) != 0 || r < 0 || !text)
		return error_oom(err);
	if (arguments > DOCKER_OPTIONS_MAX || variables > DOCKER_OPTIONS_MAX ||
	    size > DOCKER_OPTIONS_SIZE)
		return error_set(err, -E2BIG,
				 "more than %d arguments, %d variables or %d bytes of both",
				 DOCKER_OPTIONS_MAX, DOCKER_OPTIONS_MAX, DOCKER_OPTIONS_SIZE);
	if (io_read_file(path, DOCKER_OPTIONS_SIZE, &before, &size, NULL) < 0 && !text[0])
		return 0;
	if (before && strcmp(before, text) == 0)
		return 0;
	return io_replace_file(path, text, strlen(text), 0600, err);
}

/* dockerd reads its arguments, says what it thinks of them, and does no more. */
static void ask_dockerd(const struct docker_options *base, const struct service_spec *spec,
			char *why, size_t size)
{
	_cleanup_free_ char **argv = calloc(spec->command.count + 4, sizeof(*argv));
	size_t count = 0;

	why[0] = '\0';
	if (!argv)
		return;
	argv[count++] = (char *)DOCKERD;
	argv[count++] = (char *)"--validate";
	argv[count++] = (char *)"--config-file=/dev/null";
	for (size_t i = base->arguments; i < spec->command.count; i++)
		argv[count++] = spec->command.items[i];
	if (run_program(argv, RUN_PROGRAM_MS, why, size) == 0)
		why[0] = '\0';
}

bool docker_options_drop(const struct docker_options *base, struct service_spec *spec, char *why,
			 size_t size)
{
	size_t kept = base->arguments;

	why[0] = '\0';
	if (!base->measured)
		return false;
	/* The default of the log driver is no cause. */
	if (spec->command.count > kept &&
	    strcmp(spec->command.items[kept], LOG_DRIVER "local") == 0)
		kept++;
	if (spec->command.count <= kept && spec->environment.count <= base->environment)
		return false;
	ask_dockerd(base, spec, why, size);
	cut(&spec->command, kept);
	cut(&spec->environment, base->environment);
	return true;
}
