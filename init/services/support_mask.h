/* What must not leave the machine in a support bundle. */
#ifndef PROA_INIT_SERVICES_SUPPORT_MASK_H
#define PROA_INIT_SERVICES_SUPPORT_MASK_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/config/tree.h"

enum { MASK_SECRET_MIN = 4 }; /* a shorter one would mask half of all words */

/* Texts that are secret wherever they are met; each ends with a NUL. */
struct mask_secrets {
	char *texts;
	size_t size;
};

/* Prints the values of a configuration that its schema calls secret, a NUL behind each. */
void mask_print_secrets(FILE *out, const struct config_node *tree);

/*
 * Replaces the text by one in which secrets, and the values of kernel arguments `cc.KEY=`,
 * are asterisks. `secrets` may be NULL. Returns 0 or -ENOMEM.
 */
int mask_text(const struct mask_secrets *secrets, char **text, size_t *size);

/* The same of kernel arguments alone, in place. */
void mask_line(char *line);

/* Every list "Env" in what Docker says of a container: names stay, values go. */
void mask_environment(json_t *json);

#endif
