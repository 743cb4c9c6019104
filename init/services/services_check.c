#include "init/services/services_check.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct spec_list *waits_for(const struct service_spec *spec, size_t which)
{
	return which == 0 ? &spec->depends_on : &spec->after;
}

static int check_names(const struct services_file *file, const char *name, struct error *err)
{
	for (size_t s = 0; s < file->count; s++) {
		const struct service_spec *spec = &file->services[s];

		for (size_t l = 0; l < 2; l++)
			for (size_t i = 0; i < waits_for(spec, l)->count; i++)
				if (!services_file_find(file, waits_for(spec, l)->items[i]))
					return error_set(err, -EINVAL,
							 "%s: service %s waits for \"%s\", which "
							 "is not in the file",
							 name, spec->name,
							 waits_for(spec, l)->items[i]);
	}
	return 0;
}

static bool all_placed(const struct services_file *file, const struct spec_list *list,
		       const bool *placed)
{
	for (size_t i = 0; i < list->count; i++)
		if (!placed[services_file_find(file, list->items[i]) - file->services])
			return false;
	return true;
}

/* Places services behind what they wait for until no more can be: a rest is a circle. */
static int check_order(const struct services_file *file, const char *name, struct error *err)
{
	bool placed[SPEC_SERVICES_MAX] = {false};
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t s = 0; s < file->count; s++) {
			const struct service_spec *spec = &file->services[s];

			if (placed[s] || !all_placed(file, &spec->depends_on, placed) ||
			    !all_placed(file, &spec->after, placed))
				continue;
			placed[s] = true;
			moved = true;
		}
	}
	for (size_t s = 0; s < file->count; s++)
		if (!placed[s])
			return error_set(err, -EINVAL,
					 "%s: service %s waits for itself (depends_on, after)",
					 name, file->services[s].name);
	return 0;
}

int services_check_order(const struct services_file *file, const char *name, struct error *err)
{
	int r = check_names(file, name, err);

	return r < 0 ? r : check_order(file, name, err);
}

int services_check_file(const struct services_file *file, const char *name, struct error *err)
{
	size_t user_dockers = 0;

	for (size_t i = 0; i < file->count; i++)
		user_dockers += file->services[i].user_docker;
	if (user_dockers != 1)
		return error_set(err, -EINVAL,
				 "%s: exactly one service must say user_docker: true, %zu do", name,
				 user_dockers);
	return services_check_order(file, name, err);
}

int services_check_added(const struct services_file *file, const struct services_file *added,
			 const char *name, struct error *err)
{
	for (size_t i = 0; i < added->count; i++) {
		const struct service_spec *spec = &added->services[i];

		if (services_file_find(file, spec->name))
			return error_set(err, -EEXIST, "%s: there is a service %s already", name,
					 spec->name);
		if (spec->user_docker)
			return error_set(err, -EINVAL, "%s: service %s cannot be user Docker", name,
					 spec->name);
	}
	return file->count + added->count > SPEC_SERVICES_MAX
		       ? error_set(err, -E2BIG, "%s: more than %d services", name,
				   SPEC_SERVICES_MAX)
		       : 0;
}
