#include "init/services/mend.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "init/services/report.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/request.h"

/* The process that listens on a socket, 0 where none does (unix(7), SO_PEERCRED). */
static pid_t listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.pid = 0};
	socklen_t size = sizeof(peer);
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid;
}

/* PID 1 starts it again. */
static void end_system_docker(void)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	long pid;

	if (io_read_file(PATH_SYSTEM_DOCKER_PID, 64, &text, &size, NULL) < 0)
		return; /* it does not run: PID 1 is about to start it */
	pid = strtol(text, NULL, 10);
	if (pid > 1)
		kill((pid_t)pid, SIGTERM);
}

void mend_containerd(struct reporter *report, bool though_it_listens)
{
	static bool done;
	struct error err = ERROR_INIT;
	pid_t pid = listener(PATH_CONTAINERD);

	if (done || (pid > 0 && !though_it_listens))
		return;
	done = true;
	report_console(report,
		       "error: containerd does not work; its store is made anew, the old one is "
		       "kept as " MEND_CONTAINERD_ASIDE);
	if (seed_remove(MEND_CONTAINERD_ASIDE, &err) < 0)
		report_console(report, "error: %s", err.message);
	if (rename(MEND_CONTAINERD, MEND_CONTAINERD_ASIDE) < 0 && errno != ENOENT)
		report_console(report, "error: cannot rename " MEND_CONTAINERD ": %s",
			       strerror(errno));
	if (pid > 1)
		kill(pid, SIGTERM);
	end_system_docker();
}

void mend_options(uint64_t now)
{
	static uint64_t next_ms;

	if (now < next_ms)
		return;
	next_ms = now + MEND_ASK_MS;
	/* It says no where there are none (any more), or it is too early. */
	(void)request_pid1(PATH_INIT_SOCKET, "system-docker without options", NULL, 0, NULL);
}

void mend_system_docker(struct reporter *report, const char *why)
{
	static bool done;
	struct error err = ERROR_INIT;

	if (done)
		return;
	done = true;
	report_console(report, "error: System Docker: %s; its store is prepared anew", why);
	/*
	 * Databases that dockerd refuses to start with where they are broken: there are no
	 * networks to remember, a cache of builds is none to keep, and a volume's options
	 * lie beside its data too.
	 */
	if (seed_remove(SEED_TARGET "/network", &err) < 0 ||
	    seed_remove(SEED_TARGET "/buildkit", &err) < 0 ||
	    seed_remove(SEED_TARGET "/volumes/metadata.db", &err) < 0 ||
	    seed_remove(SEED_TARGET "/" SEED_MARKER, &err) < 0 ||
	    seed_run(SEED_SOURCE, SEED_TARGET, NULL, &err) < 0)
		report_console(report, "error: %s", err.message);
	end_system_docker();
}
