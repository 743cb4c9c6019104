#include "init/supervise/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "init/say.h"
#include "init/supervise/daemons.h"
#include "init/supervise/loop.h"
#include "init/supervise/stop.h"
#include "init/watchdog.h"
#include "lib/cleanup.h"

#define SOCKET_PATH "/run/proa/init.sock"

enum { CLIENTS_MAX = 8 };

static int listener = -1;
static struct gate *the_gate;
static struct client {
	int fd; /* -1: free */
	bool root;
	unsigned int age;
} clients[CLIENTS_MAX];
static unsigned int ages;

static void status(const struct gate *gate, char *answer, size_t size)
{
	static const char *const verdicts[] = {
		[GATE_WAITING] = "waiting", [GATE_PASSED] = "passed", [GATE_FAILED] = "failed"};

	snprintf(answer, size,
		 "ok slot=%c version=%s gate=%s settled=%d good=%d condemned=%d stopping=%d degraded=%s",
		 gate->facts->slot, gate->facts->version, verdicts[gate->verdict], gate->settled,
		 gate->facts->good, gate->condemned, stop_requested() != STOP_NONE, gate->degraded);
}

/* The words behind `name`, or NULL where the request is another one. */
static const char *words_behind(const char *request, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(request, name, length) != 0 || request[length] != ' ' || !request[length + 1])
		return NULL;
	return request + length + 1;
}

void socket_answer(struct gate *gate, char *request, bool root, char *answer, size_t size)
{
	static const struct {
		const char *name;
		enum stop_kind kind;
	} stops[] = {{"reboot", STOP_REBOOT}, {"poweroff", STOP_POWEROFF}, {"halt", STOP_HALT}};
	const char *text;

	for (char *p = request; *p; p++) { /* one line, whatever was sent */
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	}
	if (strcmp(request, "status") == 0) {
		status(gate, answer, size);
		return;
	}
	if (!root) {
		snprintf(answer, size, "error only root may ask PID 1 for this");
		return;
	}
	snprintf(answer, size, "ok");
	for (size_t i = 0; i < sizeof(stops) / sizeof(*stops); i++) {
		if (strcmp(request, stops[i].name) == 0) {
			stop_request(stops[i].kind, true);
			if (stop_requested() != stops[i].kind)
				snprintf(answer, size,
					 "error the machine is stopping already, for another "
					 "request");
			return;
		}
	}
	if (strcmp(request, "gate passed") == 0)
		gate_passed(gate);
	else if ((text = words_behind(request, "gate failed")))
		gate_failed(gate, text);
	else if ((text = words_behind(request, "degraded")))
		gate_told(gate, text);
	else if ((text = words_behind(request, "console")))
		say("%s", text);
	else if ((text = words_behind(request, "deadline"))) {
		unsigned long seconds = strtoul(text, NULL, 10);

		if (seconds < 30 || seconds > 3600)
			snprintf(answer, size, "error a deadline is 30 to 3600 s");
		else
			gate_expect(gate, (unsigned int)seconds);
	} else if (strcmp(request, "mark bad") == 0) {
		struct error err = ERROR_INIT;

		if (gate_mark_bad(gate, &err) < 0)
			snprintf(answer, size, "error %.600s", err.message);
	} else if (strcmp(request, "system-docker without options") == 0) {
		if (!daemons_without_options())
			snprintf(answer, size, "error it was given none, or has just been started");
	} else if ((text = words_behind(request, "watchdog"))) {
		if (watchdog_configure(text) < 0)
			snprintf(answer, size, "error a watchdog is \"off\", or has 10 to 600 s");
	} else
		snprintf(answer, size, "error PID 1 does not know this request");
}

static void drop(struct client *client)
{
	loop_remove(client->fd);
	close(client->fd);
	client->fd = -1;
}

static void serve(void *context)
{
	struct client *client = context;
	char request[SOCKET_REQUEST_SIZE], answer[SOCKET_ANSWER_SIZE];
	ssize_t size = recv(client->fd, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		drop(client);
		return;
	}
	request[size] = '\0';
	socket_answer(the_gate, request, client->root, answer, sizeof(answer));
	if (send(client->fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		drop(client);
}

/*
 * A full house: the one that came first goes, so that idle callers lock nobody out; callers
 * who are not root go before those who are.
 */
static struct client *make_room(void)
{
	struct client *least = &clients[0];

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *one = &clients[i];

		if (one->fd < 0)
			return one;
		if (one->root == least->root ? one->age < least->age : least->root)
			least = one;
	}
	drop(least);
	return least;
}

static void accept_client(void *context)
{
	struct client *client;
	struct ucred caller = {.uid = (uid_t)-1};
	socklen_t size = sizeof(caller);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)context;
	if (fd < 0)
		return;
	client = make_room();
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &size);
	*client = (struct client){.fd = fd, .root = caller.uid == 0, .age = ++ages};
	if (loop_add(fd, serve, client) < 0) {
		close(fd);
		client->fd = -1;
	}
}

int socket_start(struct gate *gate, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
	int r;

	the_gate = gate;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(SOCKET_PATH, 0666) < 0 || listen(listener, CLIENTS_MAX) < 0)
		return error_errno(err, "cannot listen on " SOCKET_PATH);
	r = loop_add(listener, accept_client, NULL);
	return r < 0 ? error_set(err, r, "cannot watch " SOCKET_PATH) : 0;
}
