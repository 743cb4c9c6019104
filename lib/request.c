#include "lib/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/cleanup.h"

int request_send(const struct request *request, const char *line, char *answer, size_t answer_size,
		 struct error *err)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = request->timeout_s};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char reply[REQUEST_LINE_MAX + 1];
	ssize_t n;

	if (fd < 0)
		return error_errno(err, "cannot open a socket");
	if (strlen(request->socket_path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket",
				 request->socket_path);
	strcpy(address.sun_path, request->socket_path);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, "cannot reach %s at %s", request->who,
				   request->socket_path);
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return error_errno(err, "cannot ask %s", request->who);
	n = recv(fd, reply, REQUEST_LINE_MAX, 0);
	if (n < 0)
		return error_errno(err, "no answer from %s", request->who);
	while (n > 0 && (reply[n - 1] == '\n' || reply[n - 1] == '\0'))
		n--;
	reply[n] = '\0';
	if (strncmp(reply, "ok", 2) != 0 || (reply[2] && reply[2] != ' ' && reply[2] != '\n'))
		return error_set(err, -EPROTO, "%s refuses: %s", request->who,
				 strncmp(reply, "error ", 6) == 0 ? reply + 6 : reply);
	if (answer && answer_size > 0)
		snprintf(answer, answer_size, "%s", reply[2] ? reply + 3 : "");
	return 0;
}

int request_pid1(const char *socket_path, const char *line, char *answer, size_t answer_size,
		 struct error *err)
{
	const struct request request = {socket_path, "PID 1", 2};

	return request_send(&request, line, answer, answer_size, err);
}

int request_status(const char *socket_path, struct fields *out, struct error *err)
{
	char answer[REQUEST_LINE_MAX];
	char *last, *at = answer;
	int r = request_pid1(socket_path, "status", answer, sizeof(answer), err);

	if (r < 0)
		return r;
	last = strstr(answer, " degraded=");
	for (; *at && at != last; at++)
		if (*at == ' ')
			*at = '\n';
	if (last)
		*last = '\n';
	return fields_parse(answer, strlen(answer), out, err);
}
