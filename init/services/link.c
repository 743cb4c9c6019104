#include "init/services/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/services/mend.h"
#include "init/services/paths.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

enum { LIST_TIMEOUT_MS = 120000 };

/* {"label":["proa.service"]} and the like, percent-encoded. */
#define FILTER_OURS "%7B%22label%22%3A%5B%22" CONTAINER_LABEL_SERVICE "%22%5D%7D"
#define FILTER_DIES                                                                                \
	"%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22die%22%2C%22health_status%"   \
	"22%5D%2C%22label%22%3A%"                                                                  \
	"5B"                                                                                       \
	"%22" CONTAINER_LABEL_SERVICE "%22%5D%7D"

#define HEALTH "health_status: "

static void link_down(struct supervisor *supervisor, const char *why)
{
	struct link *link = &supervisor->link;
	uint64_t now = console_now_ms();

	docker_cancel(link->events);
	link->events = NULL;
	if (link->state == LINK_UP) {
		link->losses++;
		if (!supervisor->stopping)
			report_console(&supervisor->report, "error: System Docker: %s", why);
		report_changed(&supervisor->report);
	}
	link->state = LINK_DOWN;
	link->next_ms = now + LINK_RETRY_MS;
}

static void events_ended(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;

	(void)reply;
	supervisor->link.events = NULL; /* the loop frees it after this */
	/* While the list is still awaited, its own failure tells. */
	if (supervisor->link.state == LINK_UP)
		link_down(supervisor, "it does not answer any more");
}

static void event(void *data, const json_t *line)
{
	struct supervisor *supervisor = data;
	const json_t *actor = json_object_get(line, "Actor");
	const json_t *attributes = json_object_get(actor, "Attributes");
	const char *id = json_string_value(json_object_get(actor, "ID"));
	const char *name = json_string_value(json_object_get(attributes, CONTAINER_LABEL_SERVICE));
	const char *code = json_string_value(json_object_get(attributes, "exitCode"));
	const char *action = json_string_value(json_object_get(line, "Action"));
	struct service *service = name ? service_find(supervisor, name) : NULL;
	char reason[64];

	if (!service || !id || strcmp(service->container, id) != 0)
		return;
	if (action && strncmp(action, HEALTH, strlen(HEALTH)) == 0) {
		service_health(service, action + strlen(HEALTH));
		return;
	}
	snprintf(reason, sizeof(reason), "ended with exit code %.8s", code ? code : "?");
	if (service->spec->user_docker && code)
		user_data_ended(supervisor, strtol(code, NULL, 10));
	service_ended(service, reason, console_now_ms());
}

static const char *label(const json_t *container, const char *name)
{
	return json_string_value(json_object_get(json_object_get(container, "Labels"), name));
}

static const json_t *find_container(const json_t *list, const struct service *service)
{
	const json_t *found = NULL, *container;
	size_t i;

	json_array_foreach((json_t *)list, i, container)
	{
		const char *name = label(container, CONTAINER_LABEL_SERVICE);
		const char *id = json_string_value(json_object_get(container, "Id"));

		if (!name || !id || strcmp(name, service->spec->name) != 0)
			continue;
		if (!found || strcmp(id, service->container) == 0)
			found = container;
	}
	return found;
}

/* The kernel's word on a container: are there processes in its cgroup (--cgroup-parent)? */
static bool has_processes(const char *id)
{
	_cleanup_free_ char *events = NULL;
	char path[160];
	size_t size;

	snprintf(path, sizeof(path), PATH_SYSTEM_CGROUP "/%.64s/cgroup.events", id);
	return io_read_file(path, 4096, &events, &size, NULL) == 0 && strstr(events, "populated 1");
}

/*
 * Does System Docker take services for running that have no process? It does so after a
 * power cut that broke containerd's database: containerd then starts without its services,
 * and what it does not answer leaves a container as it was noted down.
 */
static bool lists_ghosts(const struct supervisor *supervisor, const json_t *list)
{
	if (access(PATH_SYSTEM_CGROUP, F_OK) < 0)
		return false;
	for (size_t i = 0; i < supervisor->count; i++) {
		const json_t *container = find_container(list, &supervisor->services[i]);
		const char *state = json_string_value(json_object_get(container, "State"));

		if (state && strcmp(state, "running") == 0 &&
		    !has_processes(json_string_value(json_object_get(container, "Id"))))
			return true;
	}
	return false;
}

/* The list has it in words alone: "Up 3 minutes (healthy)". A manager that came later reads it. */
static const char *health(const json_t *container)
{
	const char *status = json_string_value(json_object_get(container, "Status"));

	if (status && strstr(status, "(healthy)"))
		return "healthy";
	return status && strstr(status, "(unhealthy)") ? "unhealthy" : NULL;
}

static void adopt(struct supervisor *supervisor, const json_t *list)
{
	uint64_t now = console_now_ms();

	for (size_t i = 0; i < supervisor->count; i++) {
		struct service *service = &supervisor->services[i];
		const json_t *container = find_container(list, service);
		const char *id, *state, *config;

		if (!container) {
			service_vanished(service, now);
			continue;
		}
		id = json_string_value(json_object_get(container, "Id"));
		state = json_string_value(json_object_get(container, "State"));
		config = label(container, CONTAINER_LABEL_CONFIG);
		if (strlen(id) < sizeof(service->container))
			service_adopt(service, id, state && strcmp(state, "running") == 0,
				      config && strcmp(config, service->config) == 0, now);
		service_health(service, health(container));
	}
}

static void listed(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;
	struct link *link = &supervisor->link;

	link->listing = false;
	if (!docker_reply_ok(reply) || !json_is_array(reply->body)) {
		link_down(supervisor, reply->text[0] ? reply->text : "no list of containers");
		return;
	}
	/* The events were asked for together with the list; where they have ended since, again. */
	if (!link->events) {
		link_down(supervisor, "the events have ended");
		return;
	}
	if (!link->announced && supervisor->gate.verdict == GATE_OPEN &&
	    lists_ghosts(supervisor, reply->body)) {
		if (!link->ghosts_ms)
			link->ghosts_ms = console_now_ms();
		else if (console_now_ms() - link->ghosts_ms >= MEND_GHOSTS_MS)
			mend_containerd(&supervisor->report, true);
		link_down(supervisor, "it lists services as running that do not run");
		return;
	}
	if (!link->announced) {
		report_console(&supervisor->report, "System Docker answers");
		link->answered_ms = console_now_ms();
		times_note(&supervisor->times.system_docker);
	}
	link->announced = true;
	if (link->state != LINK_UP) {
		link->up_ms = console_now_ms();
		report_changed(&supervisor->report);
	}
	link->state = LINK_UP;
	link->next_ms = console_now_ms() + LINK_RESYNC_MS;
	adopt(supervisor, reply->body);
}

static int ask(struct supervisor *supervisor, const char *path, unsigned timeout_ms,
	       docker_line line, docker_done done, struct docker_request **out)
{
	struct docker_query query = {
		.socket = supervisor->system_socket,
		.method = "GET",
		.path = path,
		.timeout_ms = timeout_ms,
		.line = line,
		.done = done,
		.data = supervisor,
	};

	return docker_send(supervisor->loop, &query, out, NULL);
}

static void list(struct supervisor *supervisor)
{
	if (ask(supervisor, "/containers/json?all=1&filters=" FILTER_OURS, LIST_TIMEOUT_MS, NULL,
		listed, NULL) == 0)
		supervisor->link.listing = true;
	else
		link_down(supervisor, "out of memory");
}

static void mend(struct supervisor *supervisor, uint64_t now)
{
	uint64_t silent_ms = now - supervisor->link.since_ms;

	/* It does not run before its store is prepared, be it that a large layer is copied there.
	 */
	if (silent_ms >= MEND_OPTIONS_MS && seed_is_busy(SEED_TARGET)) {
		supervisor->link.since_ms = now;
		return;
	}
	if (silent_ms >= MEND_OPTIONS_MS)
		mend_options(now);
	if (supervisor->gate.verdict == GATE_OPEN && silent_ms >= MEND_CONTAINERD_MS)
		mend_containerd(&supervisor->report, silent_ms >= MEND_SILENT_MS);
	if (silent_ms >= MEND_SILENT_MS)
		mend_system_docker(&supervisor->report, "it does not answer");
}

void link_step(struct supervisor *supervisor, uint64_t now)
{
	struct link *link = &supervisor->link;

	if (!link->announced)
		mend(supervisor, now);
	if (link->listing || now < link->next_ms || link->state == LINK_ASKING)
		return;
	if (link->state == LINK_UP) {
		list(supervisor);
		return;
	}
	link->next_ms = now + LINK_RETRY_MS;
	/* Without the socket there is nobody to ask; a look is cheaper than a request. */
	if (access(supervisor->system_socket, F_OK) < 0)
		return;
	if (ask(supervisor, "/events?filters=" FILTER_DIES, 0, event, events_ended, &link->events) <
	    0)
		return;
	link->state = LINK_ASKING;
	list(supervisor);
}
