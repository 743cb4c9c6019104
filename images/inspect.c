/* proa-image inspect: what is there, without asking who signed it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "images/command.h"
#include "images/place.h"
#include "images/signable.h"
#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/format/descriptor.h"
#include "lib/hex.h"

/* What was found; printed for people or as JSON. */
struct found {
	const char *kind; /* "bundle", "slot", "manifest" */
	char manifest_text[MANIFEST_SIZE_MAX];
	size_t manifest_size;
	struct manifest manifest;
	struct signatures signatures;
	uint32_t frames, chunks, largest_frame;      /* bundle */
	uint64_t root_number, least_epoch;           /* slot */
	struct place place;                          /* slot */
};

static int inspect_bundle(int fd, struct found *out, struct error *err)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const struct bundle_head *head;
	int r = bundle_open(fd, NULL, &bundle, err);

	if (r < 0)
		return r;
	head = bundle_head(bundle);
	out->kind = "bundle";
	out->manifest = head->manifest;
	out->manifest_size = head->manifest_size;
	memcpy(out->manifest_text, head->manifest_text, head->manifest_size);
	out->frames = head->index.frames;
	out->chunks = head->index.chunks;
	for (uint32_t i = 0; i < head->index.frames; i++) {
		uint32_t raw = index_frame_at(&head->index, i).raw_size;

		out->largest_frame = raw > out->largest_frame ? raw : out->largest_frame;
	}
	return signatures_parse(head->signature_text, head->signature_size, &out->signatures, err);
}

static int inspect_slot(int fd, const char *offset, const char *size, struct found *out,
			struct error *err)
{
	struct descriptor d;
	int r = place_find(fd, offset, size, &out->place, err);

	if (r == 0)
		r = descriptor_read(fd, out->place.offset, out->place.size, &d, err);
	if (r == 0)
		r = signatures_parse(d.signature, d.signature_size, &out->signatures, err);
	if (r == 0)
		r = manifest_parse(d.manifest, d.manifest_size, &out->manifest, err);
	if (r < 0)
		return r;
	out->kind = "slot";
	out->manifest_size = d.manifest_size;
	memcpy(out->manifest_text, d.manifest, d.manifest_size);
	out->root_number = d.root_number;
	out->least_epoch = d.least_epoch;
	return 0;
}

static int inspect_manifest(const char *path, struct found *out, struct error *err)
{
	struct signable s;
	int r = signable_open(path, &s, err);

	if (r < 0)
		return r;
	out->kind = "manifest";
	out->manifest_size = s.size;
	memcpy(out->manifest_text, s.text, s.size);
	out->signatures = s.signatures;
	return manifest_parse(s.text, s.size, &out->manifest, err);
}

static void print_text(const struct found *f)
{
	printf("%s\n", f->kind);
	/* The manifest is text for people already; its first line names the format. */
	fwrite(f->manifest_text, 1, f->manifest_size, stdout);
	for (size_t i = 0; i < f->signatures.count; i++)
		printf("signed_by=%s\n", f->signatures.entries[i].id);
	if (f->signatures.count == 0)
		puts("signed_by=nobody");
	if (f->chunks)
		printf("frames=%u\nchunks=%u\nlargest_frame=%u\n", f->frames, f->chunks,
		       f->largest_frame);
	if (strcmp(f->kind, "slot") == 0)
		printf("root_number=%llu\nleast_epoch=%llu\nslot_size=%llu\n",
		       (unsigned long long)f->root_number, (unsigned long long)f->least_epoch,
		       (unsigned long long)f->place.size);
}

static json_t *json_range(const struct byte_range *range)
{
	return json_pack("{s:I, s:I}", "offset", (json_int_t)range->offset, "size",
			 (json_int_t)range->size);
}

static json_t *json_digest(const uint8_t digest[HASH_SIZE])
{
	char text[HASH_HEX_SIZE];

	hex_encode(digest, HASH_SIZE, text);
	return json_string(text);
}

static json_t *json_manifest(const struct manifest *m)
{
	return json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:I, s:o, "
		"s:I, s:o, s:o, s:o, s:o, s:o}",
		"product", m->product, "version", m->version, "architecture", m->architecture,
		"build_time", (json_int_t)m->build_time, "epoch", (json_int_t)m->epoch,
		"min_version", m->min_version, "data_version", (json_int_t)m->data_version,
		"kernel", m->kernel, "docker", m->docker, "block_size",
		(json_int_t)MANIFEST_BLOCK_SIZE, "fs_size", (json_int_t)m->fs_size, "image_size",
		(json_int_t)m->image_size, "salt", json_digest(m->salt), "root_hash",
		json_digest(m->root_hash), "index_size", (json_int_t)m->index_size, "index_sha256",
		json_digest(m->index_sha256), "data_size", (json_int_t)m->data_size, "data_sha256",
		json_digest(m->data_sha256), "boot_img", json_range(&m->boot_img), "boot_core",
		json_range(&m->boot_core), "boot_esp_512", json_range(&m->boot_esp_512),
		"boot_esp_4096", json_range(&m->boot_esp_4096));
}

static json_t *json_signatures(const struct signatures *set)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < set->count; i++) {
		char text[SIGN_SIGNATURE_BASE64 + 1];

		base64_encode(set->entries[i].bytes, SIGN_SIGNATURE_SIZE, text);
		json_array_append_new(list, json_pack("{s:s, s:s}", "key", set->entries[i].id,
						      "signature", text));
	}
	return list;
}

static int print_json(const struct found *f, struct error *err)
{
	json_t *root = json_pack("{s:s, s:o, s:o}", "kind", f->kind, "manifest",
				 json_manifest(&f->manifest), "signatures",
				 json_signatures(&f->signatures));
	int r = 0;

	if (root && f->chunks)
		r = json_object_set_new(root, "index",
					json_pack("{s:I, s:I, s:I}", "frames",
						  (json_int_t)f->frames, "chunks",
						  (json_int_t)f->chunks, "largest_frame",
						  (json_int_t)f->largest_frame));
	if (root && r == 0 && strcmp(f->kind, "slot") == 0)
		r = json_object_set_new(root, "slot",
					json_pack("{s:I, s:I, s:I, s:I}", "offset",
						  (json_int_t)f->place.offset, "size",
						  (json_int_t)f->place.size, "root_number",
						  (json_int_t)f->root_number, "least_epoch",
						  (json_int_t)f->least_epoch));
	if (!root || r < 0 || json_dumpf(root, stdout, JSON_INDENT(2)) < 0)
		r = error_set(err, -EIO, "cannot write JSON");
	else
		putchar('\n');
	json_decref(root);
	return r;
}

static int inspect(const char *path, const char *offset, const char *size, struct found *out,
		   struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char first[14] = "";

	if (fd < 0)
		return error_errno(err, "cannot open it");
	if (signable_is_bundle(fd))
		return inspect_bundle(fd, out, err);
	if (!offset && read(fd, first, sizeof(first)) == sizeof(first) &&
	    memcmp(first, "proa-manifest ", sizeof(first)) == 0)
		return inspect_manifest(path, out, err);
	return inspect_slot(fd, offset, size, out, err);
}

int image_inspect(int argc, char **argv)
{
	const char *path = NULL, *offset = NULL, *size = NULL;
	bool json = false;
	const struct option options[] = {
		{0, "json", NULL, OPTION_FLAG, &json, "as one JSON object"},
		{0, "offset", "BYTES", OPTION_STRING, &offset, "where the slot starts in FILE"},
		{0, "size", "BYTES", OPTION_STRING, &size, "how long the slot is"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image inspect",
		.operands = "FILE [--json] [--offset N --size N]",
		.summary = "Shows a bundle's, a slot's or a manifest file's content.",
		.notes = "Signatures are listed, not checked: that is what verify does. A bare "
			 "slot.img\nhas no descriptor yet: inspect its NAME.manifest.",
	};
	struct found found = {.kind = NULL};
	struct error err = ERROR_INIT;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &path, 1, &count);

	if (r >= 0)
		return r;
	if (count != 1)
		return command_usage(usage.command, "name one file");
	r = inspect(path, offset, size, &found, &err);
	if (r < 0) {
		error_wrap(&err, r, "%s", path);
		return image_failed(&err);
	}
	if (!json)
		print_text(&found);
	else if (print_json(&found, &err) < 0)
		return image_failed(&err);
	return EXIT_DONE;
}
