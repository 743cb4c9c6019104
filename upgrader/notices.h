/* What the network does meanwhile, said to whoever waits: a line of text or of JSON. */
#ifndef PROA_UPGRADER_NOTICES_H
#define PROA_UPGRADER_NOTICES_H

#include "upgrader/fetch.h"

struct notices {
	const char *command; /* "proa upgrade" */
	bool json;           /* on standard output; else text on standard error */
};

/* For fetch_options: the context is a struct notices. */
void notices_print(void *context, const struct fetch_notice *notice);

#endif
