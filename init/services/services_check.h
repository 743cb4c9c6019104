/* What must hold between the services of a file, and not within one of them. */
#ifndef PROA_INIT_SERVICES_SERVICES_CHECK_H
#define PROA_INIT_SERVICES_SERVICES_CHECK_H

#include "init/services/spec.h"

/*
 * `name` is for messages. All return 0 or a negative errno.
 *
 * order  each waits for services that are there, and none for itself
 * file   that, and exactly one is user Docker
 * added  what a person adds does not take the place of what is there, and is no user Docker
 */
int services_check_order(const struct services_file *file, const char *name, struct error *err);
int services_check_file(const struct services_file *file, const char *name, struct error *err);
int services_check_added(const struct services_file *file, const struct services_file *added,
			 const char *name, struct error *err);

#endif
