#include "installer/cloudconfig.h"

#include <errno.h>

#include "lib/cleanup.h"
#include "lib/config/check.h"
#include "lib/config/yaml.h"
#include "lib/io.h"

int cloudconfig_check(const char *name, const char *text, size_t size,
		      struct config_problems *problems, struct error *err)
{
	_cleanup_config_ struct config_node tree = {0};
	int r = config_read_yaml(name, text, size, &tree, problems);

	if (r == 0)
		r = config_rename(&tree, problems);
	if (r == 0)
		r = config_check(&tree, problems);
	if (r < 0)
		return error_oom(err);
	config_problems_sort(problems);
	if (problems->errors)
		return error_set(err, -EINVAL, "%s cannot be used, for %s above", name,
				 problems->errors == 1 ? "the error" : "the errors");
	/* Nothing in it is a mistake, where a person took the trouble to name it. */
	if (tree.count == 0)
		return error_set(err, -EINVAL, "%s holds no keys (\"hostname: …\")", name);
	return 0;
}

int cloudconfig_load(const char *path, char **out, size_t *size, struct config_problems *problems,
		     struct error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = io_read_file(path, CONFIG_FILE_MAX, &text, size, err);

	if (r == 0)
		r = cloudconfig_check(path, text, *size, problems, err);
	if (r == 0)
		*out = ptr_take(text);
	return r;
}
