/*
 * What the configuration says of the machine itself, done before any service starts:
 * hostname, sysctl, modules.
 */
#ifndef PROA_INIT_SERVICES_SETTINGS_H
#define PROA_INIT_SERVICES_SETTINGS_H

#include "lib/config/layers.h"

/* Where things are done; the machine's own but in tests. */
struct settings_paths {
	const char *sysctl;        /* "/proc/sys" */
	const char *hostname;      /* for this boot; /etc/hostname leads there */
	const char *hostname_kept; /* what PID 1 reads in the next one */
	const char *modprobe;      /* the program */
	int (*set_hostname)(const char *name, size_t length);
};

extern const struct settings_paths settings_of_this_machine;

/*
 * Does what the tree says. What cannot be done is added to the configuration's problems, at
 * its place, and stops nothing else. Returns 0 or -ENOMEM.
 */
int settings_apply(struct config *config, const struct settings_paths *paths);

/*
 * The problems in one line, for `proa status` and the console: the first error, and how many
 * more there are; "" where there is none.
 */
void settings_summary(const struct config_problems *problems, char *out, size_t size);

#endif
