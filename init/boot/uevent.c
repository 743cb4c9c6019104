#include "init/boot/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

enum { RECEIVE_BUFFER = 4 << 20 }; /* bytes: a shelf of disks at once */

int uevent_parse(const char *message, size_t size, struct uevent *out)
{
	static const struct {
		const char *name;
		size_t offset;
	} variables[] = {
		{"ACTION=", offsetof(struct uevent, action)},
		{"SUBSYSTEM=", offsetof(struct uevent, subsystem)},
		{"MODALIAS=", offsetof(struct uevent, modalias)},
	};
	size_t at = strlen(message) + 1;

	*out = (struct uevent){.action = "", .subsystem = "", .modalias = ""};
	if (size == 0 || !memchr(message, '@', size))
		return -EBADMSG;
	while (at < size) {
		for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
			size_t length = strlen(variables[i].name);

			if (strncmp(message + at, variables[i].name, length) == 0) {
				const char **value = (void *)((char *)out + variables[i].offset);

				*value = message + at + length;
			}
		}
		at += strlen(message + at) + 1;
	}
	return *out->action ? 0 : -EBADMSG;
}

int uevent_open(struct error *err)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1 /* the kernel's */};
	int size = RECEIVE_BUFFER;
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				     NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return error_errno(err, "cannot open a socket for the kernel's uevents");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, "cannot listen for the kernel's uevents");
	return fd_take(&fd);
}

int uevent_next(int fd, char buffer[UEVENT_SIZE + 1], struct uevent *out)
{
	for (;;) {
		struct sockaddr_nl sender = {0};
		socklen_t sender_size = sizeof(sender);
		ssize_t size = recvfrom(fd, buffer, UEVENT_SIZE, 0, (struct sockaddr *)&sender,
					&sender_size);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno == EAGAIN ? 0 : -errno;
		buffer[size] = '\0';
		if (sender.nl_pid == 0 && uevent_parse(buffer, (size_t)size, out) == 0)
			return 1;
	}
}
