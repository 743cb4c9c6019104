#include "installer/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* Fills `path` with where the program is. */
static int find(const char *program, char path[PATH_MAX])
{
	const char *env = getenv("PATH");
	char folders[PATH_MAX], *save = NULL;

	snprintf(folders, sizeof(folders), "%s:/usr/sbin:/sbin", env ? env : "/usr/bin:/bin");
	for (char *folder = strtok_r(folders, ":", &save); folder;
	     folder = strtok_r(NULL, ":", &save)) {
		if ((size_t)snprintf(path, PATH_MAX, "%s/%s", folder, program) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int child_look_for(const char *program, const char *package, struct error *err)
{
	char path[PATH_MAX];

	if (find(program, path) < 0)
		return error_set(err, -ENOENT, "the program %s is missing; install the package %s",
				 program, package);
	return 0;
}

/* Never returns. The messages are read back by us: no translations. */
static void start(const char *path, char *const argv[], int said)
{
	int nowhere = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	if (nowhere < 0 || dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0 || dup2(said, 2) < 0)
		_exit(127);
	setenv("LC_ALL", "C", 1);
	execv(path, argv);
	_exit(127);
}

/* Keeps the end of what the program says, which tells the cause. */
static void listen(int fd, char *text, size_t size)
{
	size_t length = 0;
	char piece[256];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if (length + (size_t)n >= size) {
			size_t drop = length + (size_t)n - size + 1;

			memmove(text, text + drop, length - drop);
			length -= drop;
		}
		memcpy(text + length, piece, (size_t)n);
		length += (size_t)n;
	}
	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
}

int child_run(char *const argv[], char said[CHILD_SAID_SIZE], struct error *err)
{
	char path[PATH_MAX], own[CHILD_SAID_SIZE], *text = said ? said : own;
	_cleanup_fd_ int reader = -1, writer = -1;
	int ends[2], status;
	pid_t pid;

	if (find(argv[0], path) < 0)
		return error_set(err, -ENOENT, "the program %s is missing", argv[0]);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "cannot start %s", argv[0]);
	reader = ends[0];
	writer = ends[1];
	pid = fork();
	if (pid < 0)
		return error_errno(err, "cannot start %s", argv[0]);
	if (pid == 0)
		start(path, argv, writer);
	close(fd_take(&writer));
	listen(reader, text, CHILD_SAID_SIZE);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, "cannot wait for %s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(err, -EIO, "%s failed: %s", argv[0],
			 text[0]               ? text
			 : WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
					       : "it gave no reason");
}
