#include "init/services/run.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads to the end, so that the program is never held up; keeps the beginning. */
static void read_first_line(int fd, char *out, size_t size)
{
	char rest[512];
	size_t used = 0;

	for (;;) {
		ssize_t got = read(fd, rest, sizeof(rest));
		size_t kept = size - 1 - used;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		kept = (size_t)got < kept ? (size_t)got : kept;
		memcpy(out + used, rest, kept);
		used += kept;
	}
	out[used] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int run_program(char *const *argv, char *said, size_t size)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
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
		read_first_line(ends[0], said, size);
		r = waitpid(pid, &status, 0) < 0 ? errno : 0;
	}
	close(ends[0]);
	return r ? -r : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
