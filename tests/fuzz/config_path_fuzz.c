/* The name of a key, as it stands behind `proa config set` and in kernel arguments. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)bytes, size);
	_cleanup_config_ struct config_node tree = {.kind = CONFIG_MAP};
	_cleanup_config_path_ struct config_path path = {0};
	static const struct config_place place = {.source = "f"};
	struct config_node *node;

	if (config_path_parse(text, &path, NULL) < 0)
		return 0;
	node = config_make(&tree, &path, &place);
	if (node && (config_find(&tree, &path) != node || !config_remove(&tree, &path)))
		abort();
	return 0;
}
