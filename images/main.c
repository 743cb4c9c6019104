/* proa-image: the release engineer's tool (docs/man/proa-image.1). */
#include "images/command.h"
#include "lib/program.h"

static const struct command commands[] = {
	{"keygen", "make a key pair", image_keygen},
	{"root", "make or sign a root document, the list of valid keys", image_root},
	{"build", "make slot image, bundle and SBOM from a root tree", image_build},
	{"channel", "make the signed list of a server's releases", image_channel},
	{"publish", "put a channel and its bundles into a web server's folder", image_publish},
	{"sign", "add a signature to a bundle or a document", image_sign},
	{"digest", "write the bytes that are to be signed elsewhere", image_digest},
	{"attach", "add a signature that was made elsewhere", image_attach},
	{"verify", "check signature and every byte of a bundle or a slot", image_verify},
	{"inspect", "show what a bundle or a slot holds", image_inspect},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	const struct command_group image = {
		.name = "proa-image",
		.summary = "Builds, signs, publishes and inspects Proa's slot images and bundles.",
		.commands = commands,
		.version = PROA_VERSION,
	};

	program_begin();
	return program_end("proa-image", command_group_run(&image, argc, argv));
}
