/*
 * What the services file says of a service: docs/services.md. Pure data; its
 * reader is services_file.c, its translation for the Docker API container.c.
 */
#ifndef PROA_INIT_SERVICES_SPEC_H
#define PROA_INIT_SERVICES_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

enum {
	SPEC_SERVICES_MAX = 64,
	SPEC_LIST_MAX = 256, /* items of one list */
	SPEC_FILE_MAX = 256 << 10,
};

struct spec_list {
	char **items;
	size_t count;
};

struct service_spec {
	char *name;
	char *image;
	struct spec_list entrypoint, command, environment;
	struct spec_list volumes, tmpfs;
	struct spec_list cap_add, cap_drop, security_opt;
	struct spec_list depends_on; /* started when these are ready */
	struct spec_list after;      /* started when these are ready, or have failed once */
	char *network_mode, *pid, *ipc, *uts, *cgroup;
	char *user, *working_dir, *hostname, *stop_signal;
	bool privileged, read_only;
	bool required; /* the health gate asks for it; default true */
	bool user_docker;
	bool added;    /* by the configuration; not a key of the file */
	bool disabled; /* the configuration does without it; not a key of the file */
	struct {
		struct spec_list test; /* empty: there is no check */
		long interval_s, timeout_s, start_period_s, retries; /* 0: Docker's own */
	} health;
	long oom_score_adj;
	long stop_grace_s; /* default 10 */
};

struct services_file {
	struct service_spec *services;
	size_t count;
};

/*
 * Reads a services file (YAML). `name` is for messages, which all begin with
 * "NAME, line L, column C: ".
 *
 * out  filled on success, for services_file_free; untouched on failure.
 *
 * Returns 0, -EINVAL where the text is not a services file, or -ENOMEM.
 */
int services_file_parse(const char *text, size_t size, const char *name,
			struct services_file *out, struct error *err);

/*
 * Reads further services of the same format and appends them: they may wait for those that
 * are there, and are not required unless they say so.
 *
 * Returns 0, -EINVAL, -EEXIST (one of that name is there), -E2BIG or -ENOMEM; the file is as
 * it was then.
 */
int services_file_add(struct services_file *file, const char *text, size_t size, const char *name,
		      struct error *err);

/* The same from a path. */
int services_file_read(const char *path, struct services_file *out, struct error *err);

void services_file_free(struct services_file *file);

/* The service called `name`, or NULL. */
const struct service_spec *services_file_find(const struct services_file *file, const char *name);

#endif
