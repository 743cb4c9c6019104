#include "lib/format/signature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/format/document.h"

#define FIRST_LINE "proa-signature 1"

static int append(struct signatures *set, const char *id, const uint8_t bytes[SIGN_SIGNATURE_SIZE])
{
	if (set->count == SIGNATURES_MAX)
		return -ENOSPC;
	snprintf(set->entries[set->count].id, SIGN_ID_SIZE, "%s", id);
	memcpy(set->entries[set->count].bytes, bytes, SIGN_SIGNATURE_SIZE);
	set->count++;
	return 0;
}

int signatures_parse(const void *text, size_t size, struct signatures *out, struct error *err)
{
	struct document doc;
	struct span id, value;
	int r = document_open(&doc, "signature file", FIRST_LINE, text, size, SIGNATURES_SIZE_MAX,
			      err);

	if (r < 0)
		return r;
	*out = (struct signatures){.count = 0};
	while ((r = document_next(&doc, &value, err)) > 0) {
		uint8_t bytes[SIGN_SIGNATURE_SIZE];
		char name[SIGN_ID_SIZE] = "";

		if (span_cut(&value, ' ', &id) < 0 || !sign_id_is_valid(id.text, id.size) ||
		    base64_decode(value.text, value.size, bytes, sizeof(bytes)) < 0)
			return error_set(err, -EBADMSG,
					 "line %u of the signature file is not KEYID BASE64",
					 doc.line);
		memcpy(name, id.text, SIGN_ID_DIGITS);
		if (append(out, name, bytes) < 0)
			return error_set(err, -EBADMSG,
					 "the signature file has more than %d signatures",
					 SIGNATURES_MAX);
	}
	return r;
}

size_t signatures_render(const struct signatures *set, char out[SIGNATURES_SIZE_MAX])
{
	size_t used = (size_t)snprintf(out, SIGNATURES_SIZE_MAX, FIRST_LINE "\n");

	for (size_t i = 0; i < set->count; i++) {
		char text[SIGN_SIGNATURE_BASE64 + 1];

		base64_encode(set->entries[i].bytes, SIGN_SIGNATURE_SIZE, text);
		used += (size_t)snprintf(out + used, SIGNATURES_SIZE_MAX - used, "%s %s\n",
					 set->entries[i].id, text);
	}
	return used;
}

int signatures_add(struct signatures *set, const char *id, const uint8_t bytes[SIGN_SIGNATURE_SIZE])
{
	struct signatures others = {.count = 0};

	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->entries[i].id, id) != 0)
			others.entries[others.count++] = set->entries[i];
	if (append(&others, id, bytes) < 0)
		return -ENOSPC;
	*set = others;
	return 0;
}

static bool has(const struct signatures *set, const char *id,
		const uint8_t bytes[SIGN_SIGNATURE_SIZE])
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->entries[i].id, id) == 0 &&
		    memcmp(set->entries[i].bytes, bytes, SIGN_SIGNATURE_SIZE) == 0)
			return true;
	return false;
}

int signatures_join(struct signatures *set, const struct signatures *more)
{
	for (size_t i = 0; i < more->count; i++)
		if (!has(set, more->entries[i].id, more->entries[i].bytes) &&
		    append(set, more->entries[i].id, more->entries[i].bytes) < 0)
			return -ENOSPC;
	return 0;
}

/* Says who signed and who should have. */
static int no_known_signer(const struct signatures *set, const struct keyring *ring,
			   enum sign_role role, const char *what, struct error *err)
{
	char signers[SIGNATURES_MAX * SIGN_ID_SIZE + 1] = "";
	char known[KEYRING_MAX * SIGN_ID_SIZE + 1] = "";
	size_t used = 0;

	if (set->count == 0)
		return error_set(err, -ENOKEY, "%s is not signed; sign it with: proa-image sign",
				 what);
	for (size_t i = 0; i < set->count; i++)
		used += (size_t)snprintf(signers + used, sizeof(signers) - used, " %s",
					 set->entries[i].id);
	used = 0;
	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i].role == role)
			used += (size_t)snprintf(known + used, sizeof(known) - used, " %s",
						 ring->entries[i].key.id);
	return error_set(
		err, -ENOKEY,
		"%s is signed by%s, which is no %s key known here (known:%s); name its key "
		"with --key",
		what, signers, sign_role_name(role), used ? known : " none");
}

int signatures_verify(const struct signatures *set, const struct keyring *ring, enum sign_role role,
		      const void *data, size_t size, const char *what, struct public_key *by,
		      struct error *err)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < set->count; i++) {
		for (size_t k = 0; k < ring->count; k++) {
			const struct public_key *key = &ring->entries[k].key;
			int r;

			if (ring->entries[k].role != role ||
			    strcmp(key->id, set->entries[i].id) != 0)
				continue;
			r = sign_verify(key, data, size, set->entries[i].bytes);
			if (r == 0) {
				if (by)
					*by = *key;
				return 0;
			}
			if (r != -EKEYREJECTED)
				return error_set(err, r, "OpenSSL could not check %s's signature",
						 what);
			wrong = key->id;
		}
	}
	if (wrong)
		return error_set(err, -EKEYREJECTED,
				 "the signature of %s by key %s is wrong: it was changed after it "
				 "was signed, or the signature is forged",
				 what, wrong);
	return no_known_signer(set, ring, role, what, err);
}
