#include "lib/format/manifest.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/format/document.h"
#include "lib/format/index.h"
#include "lib/format/verity.h"
#include "lib/hex.h"

#define FIRST_LINE "proa-manifest 1"

enum kind {
	TEXT,       /* char[MANIFEST_TEXT_SIZE] */
	NUMBER,     /* uint64_t */
	DIGEST,     /* uint8_t[HASH_SIZE] */
	RANGE,      /* struct byte_range */
	BLOCK_SIZE, /* the constant 4096, kept nowhere */
};

/* One row a key; reading and writing follow this table, in this order. */
static const struct {
	const char *key;
	enum kind kind;
	size_t at;
} KEYS[] = {
	{"product", TEXT, offsetof(struct manifest, product)},
	{"version", TEXT, offsetof(struct manifest, version)},
	{"architecture", TEXT, offsetof(struct manifest, architecture)},
	{"build_time", NUMBER, offsetof(struct manifest, build_time)},
	{"epoch", NUMBER, offsetof(struct manifest, epoch)},
	{"min_version", TEXT, offsetof(struct manifest, min_version)},
	{"data_version", NUMBER, offsetof(struct manifest, data_version)},
	{"kernel", TEXT, offsetof(struct manifest, kernel)},
	{"docker", TEXT, offsetof(struct manifest, docker)},
	{"block_size", BLOCK_SIZE, 0},
	{"fs_size", NUMBER, offsetof(struct manifest, fs_size)},
	{"image_size", NUMBER, offsetof(struct manifest, image_size)},
	{"salt", DIGEST, offsetof(struct manifest, salt)},
	{"root_hash", DIGEST, offsetof(struct manifest, root_hash)},
	{"index_size", NUMBER, offsetof(struct manifest, index_size)},
	{"index_sha256", DIGEST, offsetof(struct manifest, index_sha256)},
	{"data_size", NUMBER, offsetof(struct manifest, data_size)},
	{"data_sha256", DIGEST, offsetof(struct manifest, data_sha256)},
	{"boot_img", RANGE, offsetof(struct manifest, boot_img)},
	{"boot_core", RANGE, offsetof(struct manifest, boot_core)},
	{"boot_esp_512", RANGE, offsetof(struct manifest, boot_esp_512)},
	{"boot_esp_4096", RANGE, offsetof(struct manifest, boot_esp_4096)},
};
enum { KEY_COUNT = sizeof(KEYS) / sizeof(KEYS[0]) };

static int parse_range(struct span value, struct byte_range *out)
{
	struct span offset;

	if (span_cut(&value, ',', &offset) < 0 || span_number(offset, &out->offset) < 0)
		return -EINVAL;
	return span_number(value, &out->size);
}

static int parse_value(size_t row, struct span value, struct manifest *out)
{
	char *at = (char *)out + KEYS[row].at;
	uint64_t number;

	switch (KEYS[row].kind) {
	case TEXT:
		return span_word(value, at, MANIFEST_TEXT_SIZE);
	case NUMBER:
		return span_number(value, (uint64_t *)(void *)at);
	case DIGEST:
		return span_hex(value, (uint8_t *)at, HASH_SIZE);
	case RANGE:
		return parse_range(value, (struct byte_range *)(void *)at);
	case BLOCK_SIZE:
		return span_number(value, &number) == 0 && number == MANIFEST_BLOCK_SIZE ? 0
											 : -EINVAL;
	}
	return -EINVAL;
}

/* Did a line before the current one have this key? Sixteen KiB at most: no table needed. */
static bool is_repeated(const struct document *doc, struct span key)
{
	const char *at = doc->text, *current = key.text;

	while (at < current) {
		const char *end = memchr(at, '\n', (size_t)(current - at));

		if ((size_t)(end - at) > key.size && at[key.size] == '=' &&
		    memcmp(at, key.text, key.size) == 0)
			return true;
		at = end + 1;
	}
	return false;
}

static bool range_is_inside(const struct byte_range *range, uint64_t size)
{
	return range->size > 0 && range->size <= size && range->offset <= size - range->size;
}

/* What the values say of one another. */
static int check_values(const struct manifest *m, struct error *err)
{
	const struct byte_range *boot[] = {&m->boot_img, &m->boot_core, &m->boot_esp_512,
					   &m->boot_esp_4096};

	if (m->fs_size == 0 || m->fs_size % MANIFEST_BLOCK_SIZE != 0 ||
	    m->fs_size > MANIFEST_IMAGE_SIZE_MAX)
		return error_set(err, -EBADMSG,
				 "the manifest's fs_size is not a number of whole blocks, or above "
				 "64 GiB");
	if (m->image_size != m->fs_size + verity_tree_size(m->fs_size))
		return error_set(err, -EBADMSG,
				 "the manifest's image_size is not that of file system and hash "
				 "tree");
	if (m->index_size < INDEX_HEADER_SIZE || m->index_size > INDEX_SIZE_MAX)
		return error_set(err, -EBADMSG, "the manifest's index_size cannot be");
	/* Incompressible data grows a little; anything beyond that is made to fill a disk. */
	if (m->data_size == 0 || m->data_size > m->image_size + m->image_size / 128 + 4096)
		return error_set(err, -EBADMSG, "the manifest's data_size cannot be");
	for (size_t i = 0; i < sizeof(boot) / sizeof(boot[0]); i++)
		if (!range_is_inside(boot[i], m->fs_size))
			return error_set(err, -EBADMSG,
					 "the manifest places a boot loader file outside the image");
	return 0;
}

int manifest_parse(const void *text, size_t size, struct manifest *out, struct error *err)
{
	struct document doc;
	struct manifest m = {.product = ""};
	struct span key, value;
	bool seen[KEY_COUNT] = {false};
	int r = document_open(&doc, "manifest", FIRST_LINE, text, size, MANIFEST_SIZE_MAX, err);

	if (r < 0)
		return r;
	while ((r = document_next_pair(&doc, &key, &value, err)) > 0) {
		int shown = (int)(key.size < 64 ? key.size : 64);
		size_t row = 0;

		if (is_repeated(&doc, key))
			return error_set(err, -EBADMSG, "the manifest has the key \"%.*s\" twice",
					 shown, key.text);
		while (row < KEY_COUNT && !span_equals(key, KEYS[row].key))
			row++;
		if (row == KEY_COUNT) {
			if (key.text[0] != '!')
				continue;
			return error_set(err, -EOPNOTSUPP,
					 "this release asks for \"%.*s\", which this version of "
					 "Proa does not know; upgrade to a release in between first",
					 shown, key.text);
		}
		if (parse_value(row, value, &m) < 0)
			return error_set(err, -EBADMSG, "the manifest's value of %s is malformed",
					 KEYS[row].key);
		seen[row] = true;
	}
	if (r < 0)
		return r;
	for (size_t row = 0; row < KEY_COUNT; row++)
		if (!seen[row])
			return error_set(err, -EBADMSG, "the manifest has no key \"%s\"",
					 KEYS[row].key);
	r = check_values(&m, err);
	if (r == 0)
		*out = m;
	return r;
}

int manifest_check_target(const struct manifest *manifest, struct error *err)
{
	if (strcmp(manifest->product, MANIFEST_PRODUCT) != 0)
		return error_set(err, -ENOEXEC, "this is a release of \"%s\", not of %s",
				 manifest->product, MANIFEST_PRODUCT);
	if (strcmp(manifest->architecture, MANIFEST_ARCHITECTURE) != 0)
		return error_set(err, -ENOEXEC,
				 "this release is for %s machines; this one needs %s",
				 manifest->architecture, MANIFEST_ARCHITECTURE);
	return 0;
}

static void render_value(size_t row, const struct manifest *m, char *out, size_t room)
{
	const char *at = (const char *)m + KEYS[row].at;
	const struct byte_range *range = (const void *)at;

	switch (KEYS[row].kind) {
	case TEXT:
		snprintf(out, room, "%s", at);
		break;
	case NUMBER:
		snprintf(out, room, "%llu",
			 (unsigned long long)*(const uint64_t *)(const void *)at);
		break;
	case DIGEST:
		hex_encode((const uint8_t *)at, HASH_SIZE, out);
		break;
	case RANGE:
		snprintf(out, room, "%llu,%llu", (unsigned long long)range->offset,
			 (unsigned long long)range->size);
		break;
	case BLOCK_SIZE:
		snprintf(out, room, "%d", MANIFEST_BLOCK_SIZE);
		break;
	}
}

int manifest_render(const struct manifest *manifest, char out[MANIFEST_SIZE_MAX], size_t *size,
		    struct error *err)
{
	struct manifest again;
	size_t used = (size_t)snprintf(out, MANIFEST_SIZE_MAX, FIRST_LINE "\n");
	int r;

	/* A line has 15 + 1 + 64 characters at the most: 22 of them are far from the limit. */
	for (size_t row = 0; row < KEY_COUNT; row++) {
		char value[HASH_HEX_SIZE + MANIFEST_TEXT_SIZE];

		render_value(row, manifest, value, sizeof(value));
		used += (size_t)snprintf(out + used, MANIFEST_SIZE_MAX - used, "%s=%s\n",
					 KEYS[row].key, value);
	}
	*size = used;
	r = manifest_parse(out, used, &again, err);
	return r < 0 ? error_wrap(err, -EINVAL, "these values make no manifest") : 0;
}
