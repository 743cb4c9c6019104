#include "images/command.h"

#include <errno.h>
#include <stdio.h>

int image_failed(const struct error *err)
{
	fprintf(stderr, "proa-image: %s\n", err->message);
	return err->code == -ENOKEY || err->code == -EKEYREJECTED || err->code == -ESTALE
		       ? EXIT_REFUSED
		       : EXIT_FAILED;
}
