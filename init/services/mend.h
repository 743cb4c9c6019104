/*
 * A System Docker whose store is broken. Nobody is there at 3 a.m. to delete
 * the right file, and without System Docker nothing runs: so once in the life
 * of the service manager the store is seeded again, what is disposable in it is
 * thrown away, and System Docker is ended, for PID 1 to start it anew.
 */
#ifndef PROA_INIT_SERVICES_MEND_H
#define PROA_INIT_SERVICES_MEND_H

struct reporter;

enum {
	MEND_SILENT_MS = 180000, /* System Docker has not answered for so long since its start */
};

/* `why` is for the console. Does nothing the second time. */
void mend_system_docker(struct reporter *report, const char *why);

#endif
