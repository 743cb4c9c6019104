/* The SBOM: SPDX 2.3 as JSON, from the list of packages that a recipe wrote. */
#ifndef PROA_IMAGES_SBOM_H
#define PROA_IMAGES_SBOM_H

#include <stdint.h>

#include "lib/error.h"

struct sbom {
	const char *name;     /* of the image: "proa-2026.11.0" */
	const char *version;
	uint64_t time;        /* seconds since 1970 */
	const char *packages; /* file: name, version, source, source version, architecture; tabs */
};

/* Writes `path`, packages sorted. The same list gives the same bytes. */
int sbom_write(const struct sbom *sbom, const char *path, struct error *err);

#endif
