/*
 * proa-image sign, digest and attach: with a key in a file, or with one that
 * lives elsewhere (an HSM, another machine).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "images/command.h"
#include "images/signable.h"
#include "images/signer.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/keys.h"

static int sign(const char *path, const struct option_list *keys, struct error *err)
{
	struct signable signable;
	int r = signable_open(path, &signable, err);

	if (r == 0)
		r = signer_sign(keys, signable.text, signable.size, &signable.signatures, err);
	return r < 0 ? r : signable_save(&signable, err);
}

int image_sign(int argc, char **argv)
{
	struct option_list keys = {.count = 0};
	const struct option options[] = {
		{'k', "key", "KEY", OPTION_LIST, &keys, "a private key, as keygen makes it"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image sign",
		.operands = "--key KEY… BUNDLE|MANIFEST|N.root|NAME.channel",
		.summary = "Adds a signature. A bundle carries it inside, a document in FILE.sig.",
		.notes = "Signing again with the same key replaces its signature.",
	};
	const char *path = NULL;
	struct error err = ERROR_INIT;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &path, 1, &count);

	if (r >= 0)
		return r;
	if (count != 1 || keys.count == 0)
		return command_usage(usage.command, "one file and at least one --key are needed");
	return sign(path, &keys, &err) < 0 ? image_failed(&err) : EXIT_DONE;
}

static int digest(const char *path, const char *output, struct error *err)
{
	struct signable signable;
	int r = signable_open(path, &signable, err);

	if (r < 0)
		return r;
	if (output)
		return io_replace_file(output, signable.text, signable.size, 0644, err);
	r = io_write_full(STDOUT_FILENO, signable.text, signable.size);
	return r < 0 ? error_set(err, r, "cannot write: %s", strerror(-r)) : 0;
}

int image_digest(int argc, char **argv)
{
	const char *output = NULL, *path = NULL;
	const struct option options[] = {
		{'o', "output", "FILE", OPTION_STRING, &output, "default: standard output"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image digest",
		.operands = "BUNDLE|MANIFEST|N.root|NAME.channel [-o FILE]",
		.summary = "Writes the bytes that are to be signed (Ed25519 signs them as they are).",
		.notes = "openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out SIGNATURE\n"
			 "makes the signature; proa-image attach adds it.",
	};
	struct error err = ERROR_INIT;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &path, 1, &count);

	if (r >= 0)
		return r;
	if (count != 1)
		return command_usage(usage.command, "name one file");
	return digest(path, output, &err) < 0 ? image_failed(&err) : EXIT_DONE;
}

struct attachment {
	const char *path, *signature, *public;
};

static int attach(const struct attachment *a, struct error *err)
{
	_cleanup_free_ char *bytes = NULL;
	struct signable signable;
	struct public_key key;
	size_t size = 0;
	int r = signable_open(a->path, &signable, err);

	if (r == 0)
		r = public_key_load(a->public, &key, err);
	if (r == 0)
		r = io_read_file(a->signature, SIGN_SIGNATURE_SIZE, &bytes, &size, err);
	if (r < 0)
		return r;
	if (size != SIGN_SIGNATURE_SIZE)
		return error_set(err, -EINVAL, "%s is %zu bytes long; an Ed25519 signature has %d",
				 a->signature, size, SIGN_SIGNATURE_SIZE);
	/* A wrong signature is refused here, not by every machine later. */
	r = sign_verify(&key, signable.text, signable.size, (const uint8_t *)bytes);
	if (r < 0)
		return error_set(err, r, "%s is not a signature of %s by key %s", a->signature,
				 a->path, key.id);
	if (signatures_add(&signable.signatures, key.id, (const uint8_t *)bytes) < 0)
		return error_set(err, -ENOSPC, "%s has %d signatures already", a->path,
				 SIGNATURES_MAX);
	return signable_save(&signable, err);
}

int image_attach(int argc, char **argv)
{
	struct attachment a = {.path = NULL};
	const struct option options[] = {
		{'s', "signature", "FILE", OPTION_STRING, &a.signature, "the 64 raw bytes"},
		{'k', "key", "PUB", OPTION_STRING, &a.public, "the public key that checks them"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image attach",
		.operands = "--signature FILE --key PUB BUNDLE|MANIFEST|N.root|NAME.channel",
		.summary = "Adds a signature that was made elsewhere, after checking it.",
	};
	struct error err = ERROR_INIT;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &a.path, 1, &count);

	if (r >= 0)
		return r;
	if (count != 1 || !a.signature || !a.public)
		return command_usage(usage.command, "one file, --signature and --key are needed");
	return attach(&a, &err) < 0 ? image_failed(&err) : EXIT_DONE;
}
