#include "installer/cloudconfig.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/config/check.h"
#include "lib/config/types.h"
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

static bool has_door(const struct config_node *tree)
{
	const struct config_node *keys = config_child(tree, "ssh_authorized_keys");
	const struct config_node *proa = config_child(tree, "proa");
	const struct config_node *autologin = proa ? config_child(proa, "autologin") : NULL;
	bool on = false;

	return (keys && keys->count > 0) || (proa && config_child(proa, "password")) ||
	       (autologin && autologin->text && config_read_bool(autologin->text, &on) && on);
}

bool cloudconfig_lets_in(const char *text, size_t size, const char *append)
{
	static const char *const arguments[] = {
		"cc.ssh_authorized_keys=", "cc.proa.password=", "cc.proa.autologin="};
	_cleanup_problems_ struct config_problems problems = {0};
	_cleanup_config_ struct config_node tree = {0};

	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (strstr(append, arguments[i]))
			return true;
	return text && config_read_yaml("", text, size, &tree, &problems) == 0 &&
	       config_rename(&tree, &problems) == 0 && has_door(&tree);
}
