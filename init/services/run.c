#include "init/services/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/console.h"

enum { KILLED_MS = 1000 };

/*
 * Reads to the end, so that the program is never held up; keeps the beginning. Returns
 * whether the end came in time.
 */
static bool read_first_line(int fd, unsigned timeout_ms, char *out, size_t size)
{
	uint64_t end_ms = console_now_ms() + timeout_ms;
	bool ended = false;

	char rest[512];
	size_t used = 0;

	for (uint64_t now; (now = console_now_ms()) < end_ms;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		size_t kept = size - 1 - used;
		ssize_t got;

		if (poll(&wait, 1, (int)(end_ms - now)) <= 0)
			continue;
		got = read(fd, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		ended = got <= 0;
		if (ended)
			break;
		kept = (size_t)got < kept ? (size_t)got : kept;
		memcpy(out + used, rest, kept);
		used += kept;
	}
	out[used] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return ended;
}

/* One that waits for a disk does not even die: it is left behind. */
static int end_late(pid_t pid, unsigned timeout_ms, char *said, size_t size)
{
	uint64_t end_ms = console_now_ms() + KILLED_MS;

	snprintf(said, size, "it took longer than %u s", timeout_ms / 1000);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0 && console_now_ms() < end_ms)
		usleep(10 * 1000);
	return 128;
}

static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", NULL};

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int run_program(char *const *argv, unsigned timeout_ms, char *said, size_t size)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status, r;
	pid_t pid;

	said[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (r == 0) {
		if (!read_first_line(ends[0], timeout_ms, said, size)) {
			close(ends[0]);
			return end_late(pid, timeout_ms, said, size);
		}
		r = waitpid(pid, &status, 0) < 0 ? errno : 0;
	}
	close(ends[0]);
	return r ? -r : exit_status(status);
}

/* Our own signal mask and what we ignore are none of the program's business. */
int run_start(char *const *argv, int log, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, ignored;
	int r;

	sigemptyset(&none);
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &ignored);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

bool run_wait(pid_t pid, int timeout_ms, int *status)
{
	struct pollfd ended = {.fd = timeout_ms != 0 ? pidfd_open(pid, 0) : -1, .events = POLLIN};
	int raw, r;

	if (ended.fd >= 0) {
		do
			r = poll(&ended, 1, timeout_ms);
		while (r < 0 && errno == EINTR);
		close(ended.fd);
	}
	if (waitpid(pid, &raw, timeout_ms < 0 ? 0 : WNOHANG) <= 0)
		return false;
	*status = exit_status(raw);
	return true;
}

int run_logged(char *const *argv, int log, unsigned timeout_ms)
{
	int status;
	pid_t pid;
	int r = run_start(argv, log, &pid);

	if (r < 0)
		return r;
	if (run_wait(pid, timeout_ms > 0 ? (int)timeout_ms : -1, &status))
		return status;
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -ETIMEDOUT;
}
