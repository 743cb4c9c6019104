/*
 * A System Docker whose store is broken. Nobody is there at 3 a.m. to delete
 * the right file, and without System Docker nothing runs: so once in the life
 * of the service manager the store is seeded again, what is disposable in it is
 * thrown away, and System Docker is ended, for PID 1 to start it anew. The same
 * for the containerd below it, whose database a power cut can break too.
 */
#ifndef PROA_INIT_SERVICES_MEND_H
#define PROA_INIT_SERVICES_MEND_H

#include <stdbool.h>
#include <stdint.h>

struct reporter;

#define MEND_CONTAINERD       "/var/lib/containerd"
#define MEND_CONTAINERD_ASIDE "/var/lib/containerd.broken"

enum {
	MEND_OPTIONS_MS = 60000, /* System Docker has not answered for so long since its start */
	MEND_ASK_MS = 5000,      /* PID 1 may say that it is too early */
	MEND_CONTAINERD_MS = 60000, /* nobody has listened on containerd's socket for so long */
	MEND_GHOSTS_MS = 10000, /* System Docker has listed services that do not run for so long */
	MEND_SILENT_MS = 180000, /* the same, and its options are none, or not at fault */
};

/*
 * Sets containerd's store aside, where nobody listens on its socket, or whatever
 * its state (`though_it_listens`: with a broken database it starts without its
 * services), and ends it and System Docker. Nothing of a person's is in it but what runs: only for a boot whose
 * gate has not passed. Does nothing the second time.
 */
void mend_containerd(struct reporter *report, bool though_it_listens);

/* Has PID 1 start System Docker anew without the configuration's options, once it may. */
void mend_options(uint64_t now);

/* `why` is for the console. Does nothing the second time. */
void mend_system_docker(struct reporter *report, const char *why);

#endif
