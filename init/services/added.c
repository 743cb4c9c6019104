#include "init/services/added.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config/emit.h"
#include "lib/config/values.h"

/* One service as a services file of its own. */
static int print(const struct config_node *service, char **text, size_t *size)
{
	_cleanup_config_ struct config_node tree = {.kind = CONFIG_MAP};
	struct config_node *services = config_add(&tree, strdup("services"));
	struct config_node *copy;
	FILE *out;
	int r;

	if (!services)
		return -ENOMEM;
	services->kind = CONFIG_MAP;
	copy = config_add(services, strdup(service->key));
	if (!copy || !copy->key || config_copy(copy, service) < 0)
		return -ENOMEM;
	out = open_memstream(text, size);
	if (!out)
		return -ENOMEM;
	r = config_emit(out, &tree, CONFIG_SHOW_SECRETS);
	return fclose(out) != 0 || r < 0 || !*text ? -ENOMEM : 0;
}

static int add(const struct config_node *service, struct services_file *file, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = print(service, &text, &size);

	return r < 0 ? error_oom(err) : services_file_add(file, text, size, "proa.services", err);
}

/* Rounds, since one may wait for another that stands behind it. */
int added_services(struct config *config, struct services_file *file)
{
	const struct config_node *list = config_get(config, "proa.services");
	size_t count = list ? list->count : 0, left = count, before;
	_cleanup_free_ bool *done = calloc(count + 1, sizeof(*done));
	int r = done ? 0 : -ENOMEM;

	do {
		before = left;
		for (size_t i = 0; i < count && r == 0; i++) {
			int result = done[i] ? 0 : add(&list->children[i], file, NULL);

			if (result == -ENOMEM)
				r = result;
			left -= !done[i] && result == 0;
			done[i] |= result == 0;
		}
	} while (r == 0 && left > 0 && left < before);
	for (size_t i = 0; i < count && r == 0; i++) {
		struct error err = ERROR_INIT;
		const char *why;

		if (done[i] || add(&list->children[i], file, &err) == 0)
			continue;
		/* The line before it is of a text that nobody has seen. */
		why = strstr(err.message, ": ");
		r = config_problem(&config->problems, CONFIG_ERROR, &list->children[i].at,
				   "proa.services", "%s is left out: %s", list->children[i].key,
				   why ? why + 2 : err.message);
	}
	return r;
}
