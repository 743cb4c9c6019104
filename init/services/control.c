#include "init/services/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/services/configure.h"
#include "init/services/supervisor.h"
#include "lib/console.h"
#include "lib/hex.h"

int control_open(struct control *control, const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	/* That of an earlier manager. */
	(void)unlink(path);
	control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listener < 0 ||
	    bind(control->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0600) < 0 || listen(control->listener, CONTROL_CLIENTS) < 0)
		return error_errno(err, "cannot listen on %s", path);
	return 0;
}

static void drop(struct control *control, size_t client)
{
	close(control->clients[client]);
	control->clients[client] = -1;
}

void control_close(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i] >= 0)
			drop(control, i);
	if (control->listener >= 0)
		close(control->listener);
	control->listener = -1;
}

void control_watch(const struct control *control, struct pollfd *watched)
{
	watched[0] = (struct pollfd){.fd = control->listener, .events = POLLIN};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		watched[1 + i] = (struct pollfd){.fd = control->clients[i], .events = POLLIN};
}

/* The caller may have gone away with what it asked for: the answer is for nobody then. */
static void serve(struct control *control, struct supervisor *supervisor, size_t client)
{
	char request[CONTROL_LINE_MAX + 1], answer[CONTROL_LINE_MAX];
	struct ucred caller = {.uid = (uid_t)-1};
	socklen_t size = sizeof(caller);
	int fd = control->clients[client];
	ssize_t got = recv(fd, request, CONTROL_LINE_MAX, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop(control, client);
		return;
	}
	request[got] = '\0';
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &size);
	control_answer(supervisor, request, caller.uid == 0, answer, sizeof(answer));
	if (send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		drop(control, client);
}

static void accept_one(struct control *control)
{
	int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	size_t place = 0;

	if (fd < 0)
		return;
	while (place < CONTROL_CLIENTS && control->clients[place] >= 0)
		place++;
	if (place == CONTROL_CLIENTS) {
		place = control->next++ % CONTROL_CLIENTS;
		drop(control, place);
	}
	control->clients[place] = fd;
}

void control_serve(struct control *control, struct supervisor *supervisor,
		   const struct pollfd *watched)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (watched[1 + i].revents && control->clients[i] == watched[1 + i].fd)
			serve(control, supervisor, i);
	if (watched[0].revents)
		accept_one(control);
}

static void answer_service(struct supervisor *supervisor, const char *verb, const char *name,
			   char *answer, size_t size)
{
	struct service *service = service_find(supervisor, name);
	uint64_t now = console_now_ms();

	if (!service)
		snprintf(answer, size, "error there is no service %s", name);
	else if (service->spec->disabled)
		snprintf(answer, size, "error the configuration does without the service %s", name);
	else if (strcmp(verb, "restart") == 0)
		service_restart(service, now);
	else if (strcmp(verb, "stop") == 0)
		service_hold(service, now);
	else
		service_release(service);
}

/* "baseline HASH" begins to take it, "baseline" asks whether that has been done. */
static void answer_baseline(struct supervisor *supervisor, const char *release, char *answer,
			    size_t size)
{
	const struct baseline_taking *taking;
	struct error err = ERROR_INIT;
	char failing[CONTROL_LINE_MAX - 16];
	uint8_t hash[HASH_SIZE];

	if (release) {
		if (hex_decode(release, hash, HASH_SIZE) < 0)
			snprintf(answer, size, "error a release is named by its root hash");
		else if (judge_take_baseline(supervisor, release, &err) < 0)
			snprintf(answer, size, "error %.400s", err.message);
		return;
	}
	taking = judge_baseline(supervisor);
	if (taking->active) {
		snprintf(answer, size, "ok waiting");
	} else if (taking->taken) {
		baseline_print(&taking->last, failing, sizeof(failing));
		snprintf(answer, size, "ok taken %s", failing);
	} else {
		snprintf(answer, size, "error %.400s",
			 taking->err.code ? taking->err.message : "none has been asked for");
	}
}

void control_answer(struct supervisor *supervisor, char *request, bool root, char *answer,
		    size_t size)
{
	static const char *const verbs[] = {"up", "stop", "restart"};
	char *name;

	if (!root) {
		snprintf(answer, size, "error only root may ask for this");
		return;
	}
	if (supervisor->stopping) {
		snprintf(answer, size, "error the machine is going down");
		return;
	}
	snprintf(answer, size, "ok");
	if (strcmp(request, "apply") == 0) {
		configure_again(supervisor, answer, size);
		return;
	}
	name = strchr(request, ' ');
	if (name)
		*name++ = '\0';
	if (strcmp(request, "baseline") == 0) {
		answer_baseline(supervisor, name, answer, size);
		return;
	}
	for (size_t i = 0; name && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(request, verbs[i]) == 0) {
			answer_service(supervisor, verbs[i], name, answer, size);
			return;
		}
	}
	snprintf(answer, size, "error the service manager does not know this request");
}
