#include "init/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "init/boot/cmdline.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

enum { CONSOLES_MAX = 4, TEXT_SIZE = 480, TRIES = 10 };

/* /dev/console alone reaches only the last console= of the command line. */
static struct {
	char path[32];
	int fd;
} consoles[CONSOLES_MAX];
static size_t consoles_count;
static int kernel_log = -1;

static void close_all(void)
{
	for (size_t i = 0; i < consoles_count; i++) {
		if (consoles[i].fd >= 0)
			close(consoles[i].fd);
	}
	consoles_count = 0;
	if (kernel_log >= 0)
		close(kernel_log);
	kernel_log = -1;
}

/* Non-blocking: a terminal stopped by Ctrl-S must not stop PID 1. */
static int open_terminal(const char *path)
{
	return open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static void add(const char *name)
{
	size_t i = consoles_count;

	if (i == CONSOLES_MAX)
		return;
	snprintf(consoles[i].path, sizeof(consoles[i].path), "/dev/%s", name);
	consoles[i].fd = open_terminal(consoles[i].path);
	if (consoles[i].fd >= 0)
		consoles_count++;
}

static bool is_there(const char *name)
{
	for (size_t i = 0; i < consoles_count; i++)
		if (strcmp(consoles[i].path + strlen("/dev/"), name) == 0)
			return true;
	return false;
}

/* "115200n8"; without a number the port keeps the speed that it has (0 would hang it up). */
static void set_speed(int fd, const char *options)
{
	unsigned long speed = strtoul(options, NULL, 10);
	struct termios termios;

	if (speed > 0 && tcgetattr(fd, &termios) == 0 &&
	    cfsetspeed(&termios, (speed_t)speed) == 0)
		(void)tcsetattr(fd, TCSANOW, &termios);
}

/*
 * The kernel takes one console of each kind, the first that it is told (serial-console.rst):
 * after the release's console=ttyS0 a machine's console=ttyS1 is none to it. It is to us;
 * nobody else sets its speed.
 */
static void add_told(void)
{
	char line[CMDLINE_SIZE];
	char *rest = line;
	char *word;
	ssize_t size = 0;
	_cleanup_fd_ int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		size = io_read_full(fd, line, sizeof(line) - 1);
	line[size > 0 ? size : 0] = '\0';
	while ((word = strsep(&rest, " \n"))) {
		const char *name = word + strlen("console=");
		size_t before = consoles_count;
		char *options;

		if (strncmp(word, "console=ttyS", strlen("console=ttyS")) != 0)
			continue;
		options = strchr(word, ',');
		if (options)
			*options++ = '\0';
		if (is_there(name))
			continue;
		add(name);
		if (consoles_count > before && options)
			set_speed(consoles[before].fd, options);
	}
}

void say_open(void)
{
	char names[128];
	char *rest = names;
	char *name;
	ssize_t size = 0;
	_cleanup_fd_ int fd = open("/sys/class/tty/console/active", O_RDONLY | O_CLOEXEC);

	close_all();
	if (fd >= 0)
		size = io_read_full(fd, names, sizeof(names) - 1);
	names[size > 0 ? size : 0] = '\0';
	while ((name = strsep(&rest, " \n"))) {
		if (*name)
			add(name);
	}
	add_told();
	if (consoles_count == 0)
		add("console");
	kernel_log = open("/dev/kmsg", O_WRONLY | O_NOCTTY | O_CLOEXEC);
}

static void write_console(size_t i, const char *text)
{
	const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
	struct pollfd ready = {.fd = consoles[i].fd, .events = POLLOUT};

	if (ready.fd >= 0 && poll(&ready, 1, 0) == 1 && ready.revents & (POLLHUP | POLLERR)) {
		/* A login program hangs up its terminal for everybody (vhangup): open anew. */
		close(consoles[i].fd);
		consoles[i].fd = open_terminal(consoles[i].path);
	}
	if (consoles[i].fd < 0)
		return;
	/* EAGAIN: somebody else is writing there just now (the kernel locks a terminal). */
	for (int try = 0; try < TRIES; try++) {
		if (console_line(consoles[i].fd, "%s", text) != -EAGAIN)
			return;
		nanosleep(&pause, NULL);
	}
}

void say(const char *format, ...)
{
	int saved = errno;
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	for (size_t i = 0; i < consoles_count; i++)
		write_console(i, text);
	/* Priority 31, daemon and debug: kept in the log, not printed a second time. */
	if (kernel_log >= 0) {
		char line[TEXT_SIZE + 16];
		int size = snprintf(line, sizeof(line), "<31>proa: %s\n", text);

		(void)!write(kernel_log, line, (size_t)size); /* one write is one entry */
	}
	errno = saved;
}
