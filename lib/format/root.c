#include "lib/format/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/format/document.h"
#include "lib/io.h"

#define FIRST_LINE "proa-root 1"

static int parse_key(struct span value, struct keyring *keys)
{
	struct span role_name, id;
	struct public_key key;
	uint8_t raw[SIGN_KEY_SIZE];
	enum sign_role role;

	if (span_cut(&value, ' ', &role_name) < 0 ||
	    sign_role_parse(role_name.text, role_name.size, &role) < 0 ||
	    span_cut(&value, ' ', &id) < 0 ||
	    base64_decode(value.text, value.size, raw, sizeof(raw)) < 0)
		return -EBADMSG;
	if (public_key_from_raw(raw, &key) < 0)
		return -EIO;
	/* The id follows from the key; one that doesn't would hide who signs. */
	if (!span_equals(id, key.id))
		return -EBADMSG;
	return keyring_add(keys, role, &key);
}

static bool has_role(const struct keyring *keys, enum sign_role role)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->entries[i].role == role)
			return true;
	return false;
}

int root_parse(const void *text, size_t size, struct root *out, struct error *err)
{
	struct document doc;
	struct span key, value;
	bool numbered = false;
	int r = document_open(&doc, "root document", FIRST_LINE, text, size, ROOT_SIZE_MAX, err);

	if (r < 0)
		return r;
	*out = (struct root){.number = 0};
	while ((r = document_next_pair(&doc, &key, &value, err)) > 0) {
		if (span_equals(key, "number")) {
			if (numbered || span_number(value, &out->number) < 0 || out->number == 0)
				return error_set(err, -EBADMSG,
						 "the root document's number is not one number "
						 "from 1 up");
			numbered = true;
		} else if (span_equals(key, "key")) {
			r = parse_key(value, &out->keys);
			if (r == -ENOSPC)
				return error_set(err, -EBADMSG,
						 "the root document has more than %d keys",
						 KEYRING_MAX);
			if (r < 0)
				return error_set(err, r,
						 "line %u of the root document is not key=ROLE "
						 "KEYID BASE64",
						 doc.line);
		} else if (key.text[0] == '!') {
			return error_set(err, -EOPNOTSUPP,
					 "the root document asks for \"%.*s\", which this version "
					 "does not know; upgrade Proa first",
					 (int)(key.size < 64 ? key.size : 64), key.text);
		}
	}
	if (r < 0)
		return r;
	if (!numbered)
		return error_set(err, -EBADMSG, "the root document has no number");
	if (!has_role(&out->keys, SIGN_ROLE_ROOT) || !has_role(&out->keys, SIGN_ROLE_RELEASE))
		return error_set(err, -EBADMSG,
				 "the root document lists no root key, or no release key");
	return 0;
}

int root_render(const struct root *root, char out[ROOT_SIZE_MAX], size_t *size, struct error *err)
{
	struct root again;
	size_t used = (size_t)snprintf(out, ROOT_SIZE_MAX, FIRST_LINE "\nnumber=%llu\n",
				       (unsigned long long)root->number);

	for (size_t i = 0; i < root->keys.count; i++) {
		const struct public_key *key = &root->keys.entries[i].key;
		char text[SIGN_KEY_BASE64 + 1];

		base64_encode(key->raw, SIGN_KEY_SIZE, text);
		used += (size_t)snprintf(out + used, ROOT_SIZE_MAX - used, "key=%s %s %s\n",
					 sign_role_name(root->keys.entries[i].role), key->id, text);
		if (used >= ROOT_SIZE_MAX)
			return error_set(err, -ENOSPC, "the root document would be too long");
	}
	*size = used;
	return root_parse(out, used, &again, err);
}

int root_verify(const void *text, size_t size, const void *signature, size_t signature_size,
		const struct root *previous, struct root *out, struct error *err)
{
	struct signatures set;
	struct root root;
	int r = signatures_parse(signature, signature_size, &set, err);

	/*
	 * The one document that is parsed before its signature is checked: the
	 * keys that must have signed it stand in it.
	 */
	if (r == 0)
		r = root_parse(text, size, &root, err);
	if (r < 0)
		return r;
	if (previous) {
		if (root.number != previous->number + 1)
			return error_set(err, -EBADMSG, "root document %llu does not follow %llu",
					 (unsigned long long)root.number,
					 (unsigned long long)previous->number);
		r = signatures_verify(&set, &previous->keys, SIGN_ROLE_ROOT, text, size,
				      "the root document (by the keys before it)", NULL, err);
		if (r < 0)
			return r;
	}
	r = signatures_verify(&set, &root.keys, SIGN_ROLE_ROOT, text, size,
			      "the root document (by its own keys)", NULL, err);
	if (r == 0)
		*out = root;
	return r;
}

/* Reads a small file into `buffer`; its length, or a negative errno. */
static ssize_t read_small(const char *path, char *buffer, size_t room, struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	n = io_read_full(fd, buffer, room);
	if (n < 0)
		return error_set(err, (int)n, "cannot read %s: %s", path, strerror((int)-n));
	if ((size_t)n == room)
		return error_set(err, -EFBIG, "%s is larger than %zu bytes", path, room - 1);
	return n;
}

int root_load_after(const char *path, const struct root *previous, struct root *out,
		    struct error *err)
{
	char text[ROOT_SIZE_MAX + 1], signature[SIGNATURES_SIZE_MAX + 1];
	char signature_path[PATH_MAX];
	ssize_t size, signature_size;
	int r;

	if ((size_t)snprintf(signature_path, sizeof(signature_path), "%s.sig", path) >=
	    sizeof(signature_path))
		return error_set(err, -ENAMETOOLONG, "the name %s is too long", path);
	size = read_small(path, text, sizeof(text), err);
	if (size < 0)
		return (int)size;
	signature_size = read_small(signature_path, signature, sizeof(signature), err);
	if (signature_size < 0)
		return (int)signature_size;
	r = root_verify(text, (size_t)size, signature, (size_t)signature_size, previous, out, err);
	return r < 0 ? error_wrap(err, r, "%s", path) : 0;
}

int root_load(const char *path, struct root *out, struct error *err)
{
	return root_load_after(path, NULL, out, err);
}
