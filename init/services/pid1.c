#include "init/services/pid1.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/cleanup.h"

int pid1_request(const char *socket_path, const char *line, char *answer, size_t answer_size,
		 struct error *err)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 2};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char reply[PID1_LINE_MAX + 1];
	ssize_t n;

	if (fd < 0)
		return error_errno(err, "cannot open a socket");
	if (strlen(socket_path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket", socket_path);
	strcpy(address.sun_path, socket_path);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, "cannot reach PID 1 at %s", socket_path);
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return error_errno(err, "cannot ask PID 1");
	n = recv(fd, reply, PID1_LINE_MAX, 0);
	if (n < 0)
		return error_errno(err, "no answer from PID 1");
	while (n > 0 && (reply[n - 1] == '\n' || reply[n - 1] == '\0'))
		n--;
	reply[n] = '\0';
	if (strncmp(reply, "ok", 2) != 0 || (reply[2] && reply[2] != ' ' && reply[2] != '\n'))
		return error_set(err, -EPROTO, "PID 1 refuses: %s",
				 strncmp(reply, "error ", 6) == 0 ? reply + 6 : reply);
	if (answer && answer_size > 0)
		snprintf(answer, answer_size, "%s", reply[2] ? reply + 3 : "");
	return 0;
}
