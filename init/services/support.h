/*
 * Parts of a support bundle (`proa report`). Each is gathered in a process of its own, with
 * a limit of time and of size: a disk or a daemon that does not answer costs its part, and
 * no other.
 */
#ifndef PROA_INIT_SERVICES_SUPPORT_H
#define PROA_INIT_SERVICES_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "init/services/support_mask.h"
#include "lib/error.h"

struct support_part {
	const char *name; /* of its file in the bundle */
	/* Prints it. What was printed before a failure is kept. Returns 0 or a negative errno. */
	int (*print)(FILE *out, const char *argument, struct error *err);
	const char *argument; /* for `print`; may be NULL */
};

enum { SUPPORT_REASON_MAX = 256 };

struct support_text {
	char *data; /* the caller frees it */
	size_t size;
	bool failed;
	char reason[SUPPORT_REASON_MAX]; /* of the failure, or of a cut; "" for neither */
};

struct support_limits {
	unsigned int timeout_ms;
	size_t size_max;
};

/* Gathers one part, and masks what is secret. Returns 0, or -ENOMEM. */
int support_collect(const struct support_part *part, const struct support_limits *limits,
		    const struct mask_secrets *secrets, struct support_text *out);

/* The machine's own parts (support_machine.c), and those of both Dockers (support_docker.c). */
extern const struct support_part support_machine_parts[];
extern const size_t support_machine_count;
extern const struct support_part support_docker_parts[];
extern const size_t support_docker_count;

/* For parts: prints a whole file, or its end where it is longer than `most` bytes. */
int support_print_file(FILE *out, const char *path, size_t most, struct error *err);

/* Parts of other files (support_network.c). */
int support_print_network(FILE *out, const char *argument, struct error *err);

#endif
