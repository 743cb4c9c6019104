#include "lib/format/keyfile.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/format/root.h"
#include "lib/io.h"
#include "lib/keys.h"

enum { KEYFILE_MAX = 16 << 10 };

static int add(struct keyring *ring, enum sign_role role, const struct public_key *key,
	       struct error *err)
{
	if (keyring_add(ring, role, key) < 0)
		return error_set(err, -ENOSPC, "more than %d keys were named", KEYRING_MAX);
	return 0;
}

int keyfile_add(const char *path, struct keyring *ring, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct public_key key;
	struct root root;
	int r = io_read_file(path, KEYFILE_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	if (strncmp(text, "proa-root ", strlen("proa-root ")) != 0) {
		r = public_key_load(path, &key, err);
		if (r == -EINVAL && !strstr(text, "-----BEGIN"))
			return error_set(err, r,
					 "%s is neither a root document (1.root) nor a "
					 "public key in PEM",
					 path);
		return r < 0 ? r : add(ring, SIGN_ROLE_RELEASE, &key, err);
	}
	r = root_load(path, &root, err);
	for (size_t i = 0; r == 0 && i < root.keys.count; i++)
		r = add(ring, root.keys.entries[i].role, &root.keys.entries[i].key, err);
	return r;
}
