/* proa-image keygen: a key pair as two PEM files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "images/command.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/keys.h"

static int write_pair(const char *folder, const char *name, struct public_key *public,
		      struct error *err)
{
	_cleanup_private_key_ struct private_key *key = NULL;
	_cleanup_free_ char *private_path = NULL, *public_path = NULL;
	int r;

	if (asprintf(&private_path, "%s/%s.key", folder, name) < 0)
		private_path = NULL;
	if (asprintf(&public_path, "%s/%s.pub", folder, name) < 0)
		public_path = NULL;
	if (!private_path || !public_path)
		return error_oom(err);
	r = io_make_dirs(folder, err);
	if (r == 0)
		r = private_key_generate(&key, err);
	if (r == 0)
		r = private_key_public(key, public, err);
	if (r == 0)
		r = private_key_save(key, private_path, err);
	if (r == 0) {
		r = public_key_save(public, public_path, err);
		/* Half a pair would stand in the way of the next try. */
		if (r < 0)
			unlink(private_path);
	}
	if (r == -EEXIST)
		return error_wrap(err, r, "a key is never overwritten; name another one with --name");
	if (r == 0)
		printf("%s  %s\n%s  %s\n", public->id, private_path, public->id, public_path);
	return r;
}

int image_keygen(int argc, char **argv)
{
	const char *folder = NULL, *role_name = "release", *name = NULL;
	const struct option options[] = {
		{'o', "output", "DIR", OPTION_STRING, &folder, "where the two files go"},
		{0, "role", "ROLE", OPTION_STRING, &role_name,
		 "release (default), channel or root: names the files"},
		{0, "name", "NAME", OPTION_STRING, &name, "another name for the files"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image keygen",
		.operands = "-o DIR [--role ROLE] [--name NAME]",
		.summary = "Makes an Ed25519 key pair: NAME.key (PKCS#8, mode 0600) and NAME.pub.",
		.notes = "What a key may sign is said by the root document that lists it "
			 "(proa-image root).",
	};
	struct error err = ERROR_INIT;
	struct public_key public;
	enum sign_role role;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (!folder)
		return command_usage(usage.command, "say where the key goes with -o DIR");
	if (sign_role_parse(role_name, strlen(role_name), &role) < 0)
		return command_usage(usage.command, "--role is release, channel or root");
	if (write_pair(folder, name ? name : sign_role_name(role), &public, &err) < 0)
		return image_failed(&err);
	return EXIT_DONE;
}
