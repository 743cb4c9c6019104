/* A cloud-config: whatever is read is checked, printed, and reads back as it was. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config/check.h"
#include "lib/config/emit.h"
#include "lib/config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char *print(struct config_node *tree)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (config_emit(stream, tree, CONFIG_SHOW_SECRETS) < 0)
		abort();
	fclose(stream);
	return text;
}

static bool same(const struct config_node *a, const struct config_node *b)
{
	if (a->kind != b->kind || a->count != b->count || !a->key != !b->key ||
	    (a->key && strcmp(a->key, b->key) != 0) ||
	    (a->kind == CONFIG_TEXT && strcmp(a->text, b->text) != 0))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same(&a->children[i], &b->children[i]))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_config_ struct config_node tree = {0}, again = {0};
	_cleanup_problems_ struct config_problems problems = {0}, none = {0};
	_cleanup_free_ char *text = NULL;

	if (config_read_yaml("f", (const char *)bytes, size, &tree, &problems) < 0 ||
	    config_rename(&tree, &problems) < 0 || config_check(&tree, &problems) < 0)
		abort(); /* for no memory alone */
	config_prune(&tree);
	text = print(&tree);
	if (config_read_yaml("f", text, strlen(text), &again, &none) != 0 || !same(&tree, &again))
		abort();
	return 0;
}
