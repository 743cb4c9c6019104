#include "init/services/mend.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "init/services/report.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/io.h"

void mend_system_docker(struct reporter *report, const char *why)
{
	static bool done;
	_cleanup_free_ char *text = NULL;
	struct error err = ERROR_INIT;
	size_t size;
	long pid;

	if (done)
		return;
	done = true;
	report_console(report, "error: System Docker: %s; its store is prepared anew", why);
	/* A database that dockerd refuses to start with; there are no networks to remember. */
	if (seed_remove(SEED_TARGET "/network", &err) < 0 ||
	    seed_remove(SEED_TARGET "/" SEED_MARKER, &err) < 0 ||
	    seed_run(SEED_SOURCE, SEED_TARGET, &err) < 0)
		report_console(report, "error: %s", err.message);
	if (io_read_file(PATH_SYSTEM_DOCKER_PID, 64, &text, &size, NULL) < 0)
		return; /* it does not run: PID 1 is about to start it */
	pid = strtol(text, NULL, 10);
	if (pid > 1)
		kill((pid_t)pid, SIGTERM);
}
