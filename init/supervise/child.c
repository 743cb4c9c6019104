#include "init/supervise/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "init/say.h"
#include "init/supervise/loop.h"
#include "lib/cleanup.h"
#include "lib/console.h"

enum { CHILDREN_MAX = 16, PATH_SIZE = 128, COPY_SIZE = 16 << 10 };

static struct child *children[CHILDREN_MAX];
static size_t children_count;

static void remember(struct child *child)
{
	for (size_t i = 0; i < children_count; i++) {
		if (children[i] == child)
			return;
	}
	if (children_count < CHILDREN_MAX)
		children[children_count++] = child;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, text, strlen(text));
		close(fd);
	}
}

/* In the new process, up to exec: only calls that are safe there. */
static _Noreturn void become(const struct child *child)
{
	static const char *const path_only[] = {CHILD_PATH, NULL};
	const char *const *environment = child->environment ? child->environment : path_only;
	char path[PATH_SIZE], number[16];
	sigset_t none;
	int fd;

	setsid();
	snprintf(path, sizeof(path), "/sys/fs/cgroup/proa/%s", child->name);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "/sys/fs/cgroup/proa/%s/cgroup.procs", child->name);
	write_text(path, "0");
	snprintf(number, sizeof(number), "%d", child->oom_score_adj);
	write_text("/proc/self/oom_score_adj", number);

	fd = open("/dev/null", O_RDONLY);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	snprintf(path, sizeof(path), CHILD_LOG_FOLDER "/%s", child->name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	if (!child->run) /* PID 1's own code may still say something */
		(void)close_range(3, ~0U, 0);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (child->run) {
		int status = child->run();

		fflush(NULL);
		_exit(status);
	}
	execvpe(child->argv[0], (char *const *)child->argv, (char *const *)environment);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", child->argv[0], strerror(errno));
	_exit(127);
}

uint64_t child_next_backoff(uint64_t backoff_ms, uint64_t ran_ms)
{
	if (backoff_ms == 0 || ran_ms >= CHILD_STEADY_MS)
		return CHILD_BACKOFF_FIRST_MS;
	return backoff_ms * 2 < CHILD_BACKOFF_MAX_MS ? backoff_ms * 2 : CHILD_BACKOFF_MAX_MS;
}

static void start_again(void *context)
{
	struct child *child = context;

	if (child->wanted && child->pid == 0)
		child_start(child);
}

static void tell_end(const struct child *child, int status, const char *next)
{
	if (WIFSIGNALED(status))
		say("error: %s was killed by signal %d%s", child->name, WTERMSIG(status), next);
	else if (WEXITSTATUS(status) == 127)
		say("error: %s cannot be run, see " CHILD_LOG_FOLDER "/%s%s", child->name,
		    child->name, next);
	else
		say("error: %s ended with status %d%s", child->name, WEXITSTATUS(status), next);
}

static void child_ended(struct child *child, int status)
{
	uint64_t ran_ms;
	char next[64];

	child->pid = 0;
	if (child->ended) {
		child->ended(child, status);
		return;
	}
	if (!child->wanted)
		return;
	ran_ms = console_now_ms() - child->started_ms;
	if (child->restarting)
		child->restarting(child, ran_ms);
	child->backoff_ms = child_next_backoff(child->backoff_ms, ran_ms);
	snprintf(next, sizeof(next), "; starting it again in %.1f s",
		 (double)child->backoff_ms / 1000);
	tell_end(child, status, next);
	(void)loop_after(child->backoff_ms, start_again, child);
}

void child_start(struct child *child)
{
	pid_t pid;

	remember(child);
	child->started_ms = console_now_ms();
	pid = fork();
	if (pid == 0)
		become(child);
	if (pid > 0)
		child->pid = pid;
	else
		child_ended(child, W_EXITCODE(127, 0));
}

void child_signal(const struct child *child, int number)
{
	if (child->pid > 0)
		(void)kill(child->pid, number);
}

void child_reap(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < children_count; i++) {
			if (children[i]->pid == pid) {
				child_ended(children[i], status);
				break;
			}
		}
	}
}

bool child_wait(const struct child *child, uint64_t timeout_ms)
{
	uint64_t end = console_now_ms() + timeout_ms;

	while (child->pid > 0) {
		uint64_t now = console_now_ms();

		if (now >= end)
			return false;
		loop_turn(end - now < 1000 ? (int)(end - now) : 1000);
	}
	return true;
}

/* Keeps the end of a log that has grown too long as NAME.1, and empties it in place. */
static void trim(const char *name)
{
	static char buffer[COPY_SIZE];
	char path[PATH_SIZE], old[PATH_SIZE];
	struct stat status;
	off_t at;
	ssize_t n;
	_cleanup_fd_ int from = -1;
	_cleanup_fd_ int to = -1;

	snprintf(path, sizeof(path), CHILD_LOG_FOLDER "/%s", name);
	snprintf(old, sizeof(old), CHILD_LOG_FOLDER "/%s.1", name);
	if (stat(path, &status) < 0 || status.st_size <= CHILD_LOG_LIMIT)
		return;
	from = open(path, O_RDWR | O_CLOEXEC);
	to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	at = status.st_size - CHILD_LOG_LIMIT;
	while (from >= 0 && to >= 0 && (n = pread(from, buffer, sizeof(buffer), at)) > 0) {
		(void)!write(to, buffer, (size_t)n);
		at += n;
	}
	/* The writer appends (O_APPEND): after this it goes on at the start. */
	if (from >= 0)
		(void)!ftruncate(from, 0);
}

void child_trim_logs(void)
{
	for (size_t i = 0; i < children_count; i++)
		trim(children[i]->name);
}
