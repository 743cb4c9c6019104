#include "lib/config/values.h"

#include "lib/config/merge.h"
#include "lib/config/types.h"
#include "lib/size.h"

static const struct config_node *look_up(const struct config *config, const char *name,
					 const char **fallback)
{
	_cleanup_config_path_ struct config_path path = {0};

	if (config_path_parse(name, &path, NULL) < 0)
		return NULL;
	*fallback = path.row ? path.row->fallback : NULL;
	return config_find(&config->tree, &path);
}

const struct config_node *config_get(const struct config *config, const char *name)
{
	const char *fallback;

	return look_up(config, name, &fallback);
}

const char *config_get_text(const struct config *config, const char *name)
{
	const char *fallback = NULL;
	const struct config_node *node = look_up(config, name, &fallback);

	return node && node->kind == CONFIG_TEXT ? node->text : fallback;
}

bool config_get_bool(const struct config *config, const char *name)
{
	const char *text = config_get_text(config, name);
	bool value = false;

	return text && config_read_bool(text, &value) && value;
}

long long config_get_integer(const struct config *config, const char *name)
{
	const char *text = config_get_text(config, name);
	long long value = 0;

	return text && config_read_integer(text, &value) ? value : 0;
}

long long config_get_duration(const struct config *config, const char *name)
{
	const char *text = config_get_text(config, name);
	long long value = 0;

	return text && config_read_duration(text, &value) ? value : 0;
}

uint64_t config_get_bytes(const struct config *config, const char *name)
{
	const char *text = config_get_text(config, name);
	uint64_t bytes = 0;

	return text && size_parse(text, &bytes) == 0 ? bytes : 0;
}
