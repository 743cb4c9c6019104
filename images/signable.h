/*
 * What can be signed: a bundle (its manifest; the signatures lie inside), or a
 * document, such as a root document (the signatures lie beside it, in FILE.sig).
 */
#ifndef PROA_IMAGES_SIGNABLE_H
#define PROA_IMAGES_SIGNABLE_H

#include <stdbool.h>

#include "lib/format/manifest.h"
#include "lib/format/signature.h"

struct signable {
	const char *path;
	bool is_bundle;
	enum sign_role role;          /* what a key must be to sign this */
	char text[MANIFEST_SIZE_MAX]; /* the bytes that are signed */
	size_t size;
	struct signatures signatures; /* those that are there already */
};

/* Reads a bundle, a manifest, a channel or a root document, and the signatures that it has. */
int signable_open(const char *path, struct signable *out, struct error *err);

/* Puts the signatures where they belong; a bundle is replaced as a whole. */
int signable_save(const struct signable *signable, struct error *err);

/* Does the file start as a tar with a manifest does? */
int signable_is_bundle(int fd);

#endif
