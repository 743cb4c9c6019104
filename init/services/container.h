/* A service as the Docker API wants it: the body of POST /containers/create. */
#ifndef PROA_INIT_SERVICES_CONTAINER_H
#define PROA_INIT_SERVICES_CONTAINER_H

#include <jansson.h>

#include "init/services/spec.h"
#include "lib/hash.h"

/* On every container of ours: the service's name, and the hash of what it was made from. */
#define CONTAINER_LABEL_SERVICE "proa.service"
#define CONTAINER_LABEL_CONFIG  "proa.config"

/*
 * Makes the body, its labels included.
 *
 * release  names the image's content (the slot's root hash): the tag of the
 *          image stays the same from release to release, the hash must not
 * config   filled with the value of CONTAINER_LABEL_CONFIG
 *
 * Returns NULL where there is no memory.
 */
json_t *container_body(const struct service_spec *spec, const char *release,
		       char config[HASH_HEX_SIZE]);

#endif
