/* proa-image root: the document that lists the valid keys, and its signatures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "images/command.h"
#include "images/signer.h"
#include "lib/cleanup.h"
#include "lib/format/document.h"
#include "lib/format/root.h"
#include "lib/io.h"
#include "lib/keys.h"

static int add_keys(struct root *root, enum sign_role role, const struct option_list *files,
		    struct error *err)
{
	for (size_t i = 0; i < files->count; i++) {
		struct public_key key;
		int r = public_key_load(files->items[i], &key, err);

		if (r < 0)
			return r;
		if (keyring_add(&root->keys, role, &key) < 0)
			return error_set(err, -ENOSPC, "a root document lists %d keys at the most",
					 KEYRING_MAX);
	}
	return 0;
}

struct root_request {
	const char *number, *output, *previous;
	struct option_list release, channel, root, sign;
};

/* Checks the new document as a machine would, with its predecessor where one is named. */
static int check(const struct root_request *q, const char *text, size_t size,
		 const char *signature, size_t signature_size, struct error *err)
{
	struct root previous, again;
	int r = q->previous ? root_load(q->previous, &previous, err) : 0;

	if (r == 0)
		r = root_verify(text, size, signature, signature_size,
				q->previous ? &previous : NULL, &again, err);
	return r;
}

static int make(const struct root_request *q, struct error *err)
{
	char text[ROOT_SIZE_MAX], signature[SIGNATURES_SIZE_MAX];
	struct span number = {.text = q->number, .size = strlen(q->number)};
	struct signatures set = {.count = 0};
	struct root root = {.number = 0};
	size_t size = 0, signature_size;
	int r;

	if (span_number(number, &root.number) < 0 || root.number == 0)
		return error_set(err, -EINVAL, "--number is a whole number from 1 up");
	r = add_keys(&root, SIGN_ROLE_RELEASE, &q->release, err);
	if (r == 0)
		r = add_keys(&root, SIGN_ROLE_CHANNEL, &q->channel, err);
	if (r == 0)
		r = add_keys(&root, SIGN_ROLE_ROOT, &q->root, err);
	if (r == 0)
		r = root_render(&root, text, &size, err);
	if (r == 0)
		r = signer_sign(&q->sign, text, size, &set, err);
	if (r < 0)
		return r;
	signature_size = signatures_render(&set, signature);
	/* Without --sign the signatures come later, by digest and attach. */
	r = q->sign.count ? check(q, text, size, signature, signature_size, err) : 0;
	return r < 0 ? r : signer_save(q->output, text, size, &set, err);
}

int image_root(int argc, char **argv)
{
	struct root_request q = {.number = NULL};
	const struct option options[] = {
		{0, "number", "N", OPTION_STRING, &q.number, "the document's number, from 1 up"},
		{0, "release-key", "PUB", OPTION_LIST, &q.release, "a key that may sign releases"},
		{0, "channel-key", "PUB", OPTION_LIST, &q.channel, "a key that may sign channels"},
		{0, "root-key", "PUB", OPTION_LIST, &q.root, "a key that may sign root documents"},
		{0, "sign", "KEY", OPTION_LIST, &q.sign, "sign with this private root key"},
		{0, "previous", "FILE", OPTION_STRING, &q.previous,
		 "the document before it, to check the new one against"},
		{'o', "output", "FILE", OPTION_STRING, &q.output,
		 "the document, N.root; signatures go to FILE.sig"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image root",
		.operands = "--number N --release-key PUB… --root-key PUB… [--sign KEY…] -o N.root",
		.summary = "Writes a root document, which lists the valid keys and their roles.",
		.notes = "Number 1 is signed by a root key of its own; N + 1 by one of N too: name "
			 "both with --sign.",
	};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (!q.number || !q.output)
		return command_usage(usage.command, "--number and -o are needed");
	return make(&q, &err) < 0 ? image_failed(&err) : EXIT_DONE;
}
