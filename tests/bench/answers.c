/*
 * The benchmark's probe in the Debian peer: waits until a Docker's API answers
 * `GET /_ping`, and says so on the console, as Proa's service manager does of
 * its own user Docker. Small and static, so that it costs the peer next to
 * nothing.
 *
 *   answers SOCKET CONSOLE
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 50 }; /* what Proa's service manager does */

static int ping(const char *path)
{
	static const char request[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char answer[64] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int answered = 0;

	if (fd < 0)
		return 0;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1 &&
	    read(fd, answer, sizeof(answer) - 1) > 0)
		answered = strstr(answer, " 200 ") != NULL;
	close(fd);
	return answered;
}

int main(int argc, char **argv)
{
	static const char line[] = "\r\nbench: Docker answers\r\n";
	struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	int console;

	if (argc != 3) {
		fprintf(stderr, "usage: answers SOCKET CONSOLE\n");
		return 2;
	}
	while (!ping(argv[1]))
		nanosleep(&pause, NULL);
	console = open(argv[2], O_WRONLY | O_NOCTTY | O_CLOEXEC);
	return console < 0 || write(console, line, sizeof(line) - 1) < 0;
}
