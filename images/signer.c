#include "images/signer.h"

#include <errno.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/keys.h"

static int sign_with(const char *path, const void *data, size_t size, struct signatures *out,
		     struct error *err)
{
	_cleanup_private_key_ struct private_key *key = NULL;
	uint8_t signature[SIGN_SIGNATURE_SIZE];
	struct public_key public;
	int r = private_key_load(path, &key, err);

	if (r == 0)
		r = private_key_public(key, &public, err);
	if (r == 0)
		r = private_key_sign(key, data, size, signature, err);
	if (r == 0 && signatures_add(out, public.id, signature) < 0)
		r = error_set(err, -ENOSPC, "there are %d signatures already", SIGNATURES_MAX);
	return r;
}

int signer_sign(const struct option_list *key_files, const void *data, size_t size,
		struct signatures *out, struct error *err)
{
	for (size_t i = 0; i < key_files->count; i++) {
		int r = sign_with(key_files->items[i], data, size, out, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int signer_save_signatures(const char *path, const struct signatures *set, struct error *err)
{
	_cleanup_free_ char *beside = NULL;
	char text[SIGNATURES_SIZE_MAX];

	if (asprintf(&beside, "%s.sig", path) < 0) {
		beside = NULL;
		return error_oom(err);
	}
	return io_replace_file(beside, text, signatures_render(set, text), 0644, err);
}

int signer_save(const char *path, const char *text, size_t size, const struct signatures *set,
		struct error *err)
{
	int r = io_replace_file(path, text, size, 0644, err);

	return r < 0 ? r : signer_save_signatures(path, set, err);
}
