/* What the configuration says of both Dockers: proa.docker, proa.system_docker, the proxies. */
#ifndef PROA_INIT_SERVICES_DOCKER_OPTIONS_H
#define PROA_INIT_SERVICES_DOCKER_OPTIONS_H

#include "init/services/spec.h"
#include "lib/config/layers.h"

/* Of proa.system_docker: so much PID 1 reads, arguments and variables each, and bytes of both. */
enum { DOCKER_OPTIONS_MAX = 64, DOCKER_OPTIONS_SIZE = (16 << 10) - 1 };

/* What a service's specification held before anything was added. */
struct docker_options {
	size_t arguments, environment; /* counts */
	bool measured;
};

/*
 * Adds arguments and environment to user Docker's service, in place of those that an earlier
 * call has added. Returns 0 or -ENOMEM.
 */
int docker_options_apply(const struct config *config, struct docker_options *base,
			 struct service_spec *spec);

/*
 * Writes down for PID 1 what the section proa.system_docker adds to System Docker's start,
 * from the next boot on (init/supervise/docker_args.h). Returns 0, -E2BIG where it is more than
 * PID 1 reads (what was written before stays), or another negative errno.
 */
int docker_options_system(const struct config *config, const char *path, struct error *err);

/*
 * Takes them out again, all but the built in ones, because user Docker does not start with
 * them. `why` gets what dockerd itself says of them, or "".
 *
 * Returns whether there was anything to take out.
 */
bool docker_options_drop(const struct docker_options *base, struct service_spec *spec, char *why,
			 size_t size);

#endif
