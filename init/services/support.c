#include "init/services/support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/console.h"

enum { PIECE = 64 << 10, END_TRIES = 200, END_PAUSE_US = 5 * 1000 };

/* In the child: a signal that ends it must not run what the parent has registered. */
static _Noreturn void print_part(const struct support_part *part, int fd, struct error *err)
{
	FILE *out = fdopen(fd, "w");
	int r = out ? part->print(out, part->argument, err) : error_errno(err, "no stream");

	if (out && fclose(out) != 0 && r == 0)
		r = error_errno(err, "cannot hand it on");
	_exit(r < 0);
}

/* Ends the child; one that waits for a disk that does not answer is left behind. */
static int end_child(pid_t pid, bool kill_it)
{
	int status = 0;

	if (kill_it)
		kill(pid, SIGKILL);
	for (int i = 0; i < END_TRIES; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		usleep(END_PAUSE_US);
	}
	kill(pid, SIGKILL); /* it has closed its end, and is still there */
	return 128;
}

static int append(struct support_text *out, const char *data, size_t size)
{
	char *grown = realloc(out->data, out->size + size + 1);

	if (!grown)
		return -ENOMEM;
	memcpy(grown + out->size, data, size);
	out->data = grown;
	out->size += size;
	out->data[out->size] = '\0';
	return 0;
}

/* Reads until the end, the limit or the deadline. Returns 1 where it came to the end. */
static int read_part(int fd, const struct support_limits *limits, struct support_text *out)
{
	uint64_t end = console_now_ms() + limits->timeout_ms;
	static char piece[PIECE];

	for (;;) {
		uint64_t now = console_now_ms();
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		size_t room = limits->size_max - out->size;
		ssize_t got;

		if (now >= end || poll(&ready, 1, (int)(end - now)) == 0) {
			snprintf(out->reason, sizeof(out->reason), "gave no end within %u s",
				 limits->timeout_ms / 1000);
			out->failed = true;
			return 0;
		}
		got = read(fd, piece, sizeof(piece));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 1;
		if (append(out, piece, (size_t)got < room ? (size_t)got : room) < 0)
			return -ENOMEM;
		if ((size_t)got > room) {
			snprintf(out->reason, sizeof(out->reason), "cut behind %zu bytes",
				 limits->size_max);
			return 0;
		}
	}
}

int support_collect(const struct support_part *part, const struct support_limits *limits,
		    const struct mask_secrets *secrets, struct support_text *out)
{
	/* Shared with the child, for its sentence. */
	struct error *err =
		mmap(NULL, sizeof(*err), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2] = {-1, -1}, r = -1, status;
	pid_t pid = -1;

	*out = (struct support_text){0};
	if (err == MAP_FAILED)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		print_part(part, ends[1], err);
	if (ends[1] >= 0)
		close(ends[1]);
	if (pid > 0) {
		r = read_part(ends[0], limits, out);
		status = end_child(pid, r != 1);
		if (r == 1 && status != 0) {
			out->failed = true;
			snprintf(out->reason, sizeof(out->reason), "%.*s", SUPPORT_REASON_MAX - 1,
				 err->message[0] ? err->message : "its process died");
		}
	} else {
		out->failed = true;
		snprintf(out->reason, sizeof(out->reason), "no process for it: %s",
			 strerror(errno));
	}
	if (ends[0] >= 0)
		close(ends[0]);
	munmap(err, sizeof(*err));
	if (r == -ENOMEM)
		return r;
	mask_line(out->reason);
	return mask_text(secrets, &out->data, &out->size);
}
