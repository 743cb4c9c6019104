#include "lib/trust.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/format/keyfile.h"

static int add_all(struct keyring *ring, const struct keyring *keys, struct error *err)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keyring_add(ring, keys->entries[i].role, &keys->entries[i].key) < 0)
			return error_set(err, -ENOSPC, "more than %d keys were named", KEYRING_MAX);
	return 0;
}

/* The ring of what is new, from its parts. */
static int combine(struct trust *trust, struct error *err)
{
	struct keyring ring = {.count = 0};
	int r = add_all(&ring, &trust->root.keys, err);

	if (r == 0)
		r = add_all(&ring, &trust->beside, err);
	if (r == 0)
		trust->ring = ring;
	return r;
}

/* A key that a later document no longer lists is not trusted: the highest number is in force. */
static void add_root(struct trust *trust, const struct root *root)
{
	roots_add_former(&trust->former, root);
	if (root->number > trust->root.number)
		trust->root = *root;
}

int trust_load_folder(const char *folder, struct trust *out, struct error *err)
{
	struct trust trust = *out;
	char pattern[PATH_MAX];
	struct root root;
	glob_t found;
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%s/*.root", folder);
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
		r = root_load(found.gl_pathv[i], &root, err);
		if (r < 0)
			error_wrap(err, r, "key %s", found.gl_pathv[i]);
		else
			add_root(&trust, &root);
	}
	globfree(&found);
	if (r == 0)
		r = combine(&trust, err);
	if (r == 0)
		*out = trust;
	return r;
}

static int load_machine(struct trust *out, struct error *err)
{
	struct roots roots;
	int r = roots_load(ROOTS_IMAGE, ROOTS_SEEN, &roots, err);

	if (r < 0)
		return r;
	out->root = roots.newest;
	out->former = roots.former;
	out->of_machine = true;
	return combine(out, err);
}

/* A PEM key has no number, and no document is its successor. */
static int add_named(struct trust *trust, const char *path, struct error *err)
{
	struct keyring named = {.count = 0};
	struct root root;
	int r;

	if (root_load(path, &root, NULL) == 0) {
		add_root(trust, &root);
		return 0;
	}
	r = keyfile_add(path, &named, err);
	if (r < 0)
		return error_wrap(err, r, "key %s", path);
	r = add_all(&trust->former, &named, err);
	return r < 0 ? r : add_all(&trust->beside, &named, err);
}

int trust_load(const struct option_list *files, struct trust *out, struct error *err)
{
	int r = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = add_named(out, files->items[i], err);
	if (r == 0 && files->count > 0)
		r = combine(out, err);
	if (files->count == 0) {
		r = trust_load_folder(TRUST_FOLDER, out, err);
		if (r == 0 && out->ring.count == 0 && access(ROOTS_IMAGE, R_OK) == 0)
			r = load_machine(out, err);
	}
	if (r == 0 && out->ring.count == 0)
		return error_set(err, -ENOKEY,
				 "no key to check the bundle with: give its publisher's key, "
				 "--key FILE (a PEM public key or a root document), or put root "
				 "documents into " TRUST_FOLDER);
	return r;
}

int trust_follow(struct trust *trust, const void *text, size_t size, const void *signature,
		 size_t signature_size, struct error *err)
{
	struct trust next = *trust;
	int r = root_verify(text, size, signature, signature_size, &trust->root, &next.root, err);

	if (r == 0)
		r = combine(&next, err);
	if (r < 0)
		return r;
	roots_add_former(&next.former, &next.root);
	*trust = next;
	return 0;
}

bool trust_is_in_force(const struct trust *trust, const struct public_key *key)
{
	for (size_t i = 0; i < trust->ring.count; i++)
		if (trust->ring.entries[i].role == SIGN_ROLE_RELEASE &&
		    memcmp(trust->ring.entries[i].key.raw, key->raw, SIGN_KEY_SIZE) == 0)
			return true;
	return false;
}
