/* proa-image verify: signature first, then every byte. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "images/bundle_check.h"
#include "images/command.h"
#include "images/place.h"
#include "images/signable.h"
#include "lib/cleanup.h"
#include "lib/format/keyfile.h"
#include "lib/format/slot.h"
#include "lib/io.h"

struct request {
	const char *path, *offset, *size;
	struct option_list keys;
	struct keyring ring;
};

static void say(const struct manifest *manifest, const struct public_key *signer)
{
	printf("version %s, signed by %s, every byte as signed\n", manifest->version, signer->id);
}

static int verify_bundle(const struct request *q, int fd, struct error *err)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	int r = bundle_check(fd, &q->ring, &bundle, err);

	if (r == 0)
		say(&bundle_head(bundle)->manifest, &bundle_head(bundle)->signer);
	return r;
}

static int verify_slot(const struct request *q, int fd, struct error *err)
{
	struct place place;
	struct slot slot;
	int r = place_find(fd, q->offset, q->size, &place, err);

	if (r == 0)
		r = slot_verify_descriptor(fd, place.offset, place.size, &q->ring, &slot, err);
	if (r == 0)
		r = slot_verify_tree(fd, place.offset, &slot, VERITY_PAST_CACHE, NULL, NULL, err);
	if (r == 0)
		say(&slot.manifest, &slot.signer);
	return r;
}

/* A manifest, a channel or a root document: there is nothing but its bytes. */
static int verify_document(const struct request *q, struct error *err)
{
	struct signable signable;
	struct public_key signer;
	int r = signable_open(q->path, &signable, err);

	if (r == 0)
		r = signatures_verify(&signable.signatures, &q->ring, signable.role, signable.text,
				      signable.size, "it", &signer, err);
	if (r == 0)
		printf("signed by %s, every byte as signed\n", signer.id);
	return r;
}

static int verify(const struct request *q, struct error *err)
{
	_cleanup_fd_ int fd = open(q->path, O_RDONLY | O_CLOEXEC);
	char first[5] = "";

	if (fd < 0)
		return error_errno(err, "cannot open it");
	if (signable_is_bundle(fd))
		return verify_bundle(q, fd, err);
	if (!q->offset && io_pread_full(fd, first, sizeof(first), 0) == 0 &&
	    memcmp(first, "proa-", sizeof(first)) == 0)
		return verify_document(q, err);
	return verify_slot(q, fd, err);
}

int image_verify(int argc, char **argv)
{
	struct request q = {.path = NULL};
	const struct option options[] = {
		{'k', "key", "PUB", OPTION_LIST, &q.keys, "a release key that is trusted"},
		{'r', "root", "N.root", OPTION_LIST, &q.keys, "a root document that is trusted"},
		{0, "offset", "BYTES", OPTION_STRING, &q.offset, "where the slot starts in FILE"},
		{0, "size", "BYTES", OPTION_STRING, &q.size, "how long the slot is"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image verify",
		.operands = "--key PUB|--root N.root FILE [--offset N --size N]",
		.summary =
			"Checks a bundle, a slot (a partition, or part of a disk), a manifest, a "
			"channel or a root document.",
		.notes =
			"Exit codes: 0 whole and signed, 1 damaged, 4 not signed by a trusted key.",
	};
	struct error err = ERROR_INIT;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &q.path, 1, &count);

	if (r >= 0)
		return r;
	if (count != 1 || q.keys.count == 0)
		return command_usage(usage.command, "one file and at least one --key or --root are "
						    "needed");
	r = 0;
	for (size_t i = 0; r == 0 && i < q.keys.count; i++)
		r = keyfile_add(q.keys.items[i], &q.ring, &err);
	if (r < 0)
		return image_failed(&err);
	r = verify(&q, &err);
	if (r < 0) {
		error_wrap(&err, r, "%s", q.path);
		return image_failed(&err);
	}
	return EXIT_DONE;
}
