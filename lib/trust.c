#include "lib/trust.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/format/keyfile.h"
#include "lib/format/root.h"

static int add(struct trust *trust, const char *path, struct error *err)
{
	struct root root;
	int r = keyfile_add(path, &trust->ring, err);

	if (r < 0)
		return error_wrap(err, r, "key %s", path);
	/* A PEM key has no number; that is no error. */
	if (root_load(path, &root, NULL) == 0 && root.number > trust->root_number)
		trust->root_number = root.number;
	return 0;
}

/* The document that is in force: a key that a later one no longer lists is not trusted. */
int trust_load_folder(const char *folder, struct trust *out, struct error *err)
{
	const char *newest = NULL;
	char pattern[PATH_MAX];
	uint64_t number = 0;
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
		if (r < 0 || root.number <= number)
			continue;
		newest = found.gl_pathv[i];
		number = root.number;
	}
	if (r == 0 && newest)
		r = add(out, newest, err);
	globfree(&found);
	return r;
}

int trust_load(const struct option_list *files, struct trust *out, struct error *err)
{
	int r = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = add(out, files->items[i], err);
	if (files->count == 0) {
		r = trust_load_folder(TRUST_FOLDER, out, err);
		if (r == 0 && out->ring.count == 0 && access(TRUST_RUNNING, R_OK) == 0)
			r = add(out, TRUST_RUNNING, err);
	}
	if (r == 0 && out->ring.count == 0)
		return error_set(err, -ENOKEY,
				 "no key to check the bundle with: give its publisher's key, "
				 "--key FILE (a PEM public key or a root document), or put root "
				 "documents into " TRUST_FOLDER);
	return r;
}
