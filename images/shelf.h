/*
 * What lies on a server, read and checked as a machine would: root documents, channels, and the
 * releases that these name (docs/formats.md "What lies on a server").
 */
#ifndef PROA_IMAGES_SHELF_H
#define PROA_IMAGES_SHELF_H

#include <limits.h>

#include "lib/format/channel.h"
#include "lib/format/root.h"

enum {
	SHELF_ROOTS_MAX = 64,
	SHELF_NOTES_SIZE_MAX = 64 << 10, /* bytes of a release's notes */
};

/* A signed document and the file beside it. */
struct shelf_document {
	char name[CHANNEL_FILE_SIZE]; /* "3.root", "stable.channel" */
	char *text, *signature;
	size_t size, signature_size;
};

struct shelf_roots {
	struct shelf_document documents[SHELF_ROOTS_MAX]; /* from 1 on */
	size_t count;
	struct root newest;
};

struct shelf_release {
	char path[PATH_MAX];       /* the bundle */
	uint8_t sha256[HASH_SIZE]; /* of the whole file */
	struct manifest manifest;
	struct public_key signer;
	char notes_name[CHANNEL_FILE_SIZE]; /* the bundle's, with .txt for .bundle */
	char *notes;                        /* NULL: it has none */
	size_t notes_size;
};

struct shelf_channel {
	struct shelf_document document;
	struct channel channel;
	struct shelf_release releases[CHANNEL_RELEASES_MAX]; /* in the channel's order */
};

/* 1.root, 2.root … of a folder, each signed by the keys before it; a folder without is an error. */
int shelf_read_roots(const char *folder, struct shelf_roots *out, struct error *err);
void shelf_free_roots(struct shelf_roots *roots);

/*
 * The channel `name` ("stable.channel") of a folder, signed by a channel key of `keys`; its
 * releases are not looked at. A channel that cannot be read is -ENOENT where it is not there.
 */
int shelf_read_channel(const char *folder, const char *name, const struct keyring *keys,
		       struct shelf_channel *out, struct error *err);
void shelf_free_channel(struct shelf_channel *channel);

/*
 * Finds every release of the channel in one of the folders, the first that has it, and checks
 * every byte of it; and its notes.
 */
int shelf_read_releases(const char *const folders[], size_t folder_count,
			const struct keyring *keys, struct shelf_channel *channel,
			struct error *err);

#endif
