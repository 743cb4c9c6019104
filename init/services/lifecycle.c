#include "init/services/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "init/services/mend.h"
#include "lib/console.h"

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_LAST_MS = 60000,
	RECREATE_EVERY = 3, /* so many failures in a row: don't trust the container itself */
	REQUEST_TIMEOUT_MS = 120000,
	PULL_TIMEOUT_MS = 1800000,
	PULL_PENALTY = 5, /* a registry is not asked ten times a second */
};

uint64_t service_backoff_ms(unsigned failures)
{
	uint64_t wait = BACKOFF_FIRST_MS;

	while (failures-- > 1 && wait < BACKOFF_LAST_MS)
		wait *= 2;
	return wait < BACKOFF_LAST_MS ? wait : BACKOFF_LAST_MS;
}

struct service *service_find(struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < supervisor->count; i++)
		if (strcmp(supervisor->services[i].spec->name, name) == 0)
			return &supervisor->services[i];
	return NULL;
}

bool service_well(const struct service *service)
{
	return service->state == SERVICE_RUNNING &&
	       (service->spec->health.test.count == 0 || service->healthy);
}

bool service_has_run(const struct service *service, uint64_t again_ms, uint64_t now)
{
	return now - service->started_ms >= (service->restarts > 0 ? again_ms : SERVICE_SETTLED_MS);
}

bool service_ready(const struct service *service)
{
	if (!service_well(service))
		return false;
	return !service->spec->user_docker || service->supervisor->user_docker.answers;
}

/* It is not to run: the machine goes down, a person says so, or the configuration. */
static bool is_unwanted(const struct service *service)
{
	return service->supervisor->stopping || service->held || service->spec->disabled;
}

/*
 * `depends_on`: ready. `after`: ready, or it had its chance; a broken one delays nobody for long.
 * One that the configuration does without is waited for by nobody.
 */
static bool turn_has_come(const struct service *service, uint64_t now)
{
	struct supervisor *supervisor = service->supervisor;
	const struct spec_list *needed = &service->spec->depends_on;
	const struct spec_list *after = &service->spec->after;

	for (size_t i = 0; i < needed->count; i++) {
		const struct service *other = service_find(supervisor, needed->items[i]);

		if (!other->spec->disabled && !service_ready(other))
			return false;
	}
	if (now - supervisor->link.answered_ms >= SERVICE_AFTER_MS)
		return true;
	for (size_t i = 0; i < after->count; i++) {
		const struct service *other = service_find(supervisor, after->items[i]);

		if (!is_unwanted(other) && !service_ready(other) && other->failures == 0)
			return false;
	}
	return true;
}

static void fail(struct service *service, uint64_t now, const char *reason)
{
	service->state = SERVICE_DOWN;
	service->failures++;
	if (service->failures % RECREATE_EVERY == 0)
		service->stale = true;
	service->retry_ms = now + service_backoff_ms(service->failures);
	snprintf(service->reason, sizeof(service->reason), "%s", reason);
	/* The first ones and every tenth: a loop must not fill the console. */
	if (service->failures <= 3 || service->failures % 10 == 0)
		report_console(&service->supervisor->report, "error: service %s: %s",
			       service->spec->name, reason);
	if (service->spec->user_docker)
		user_docker_reset(service->supervisor);
	report_changed(&service->supervisor->report);
}

static void runs(struct service *service, uint64_t now)
{
	service->state = SERVICE_RUNNING;
	service->healthy = service->ill = false;
	service->started_ms = now;
	service->died = false;
	if (!service->announced)
		report_console(&service->supervisor->report, "service %s runs",
			       service->spec->name);
	service->announced = true;
	if (service->spec->user_docker)
		user_docker_reset(service->supervisor);
	report_changed(&service->supervisor->report);
}

/* No answer at all: System Docker has gone, and its next list will tell what came of it. */
static bool lost(struct service *service, const struct docker_reply *reply)
{
	if (reply->result == 0)
		return false;
	service->state = SERVICE_DOWN;
	service->retry_ms = console_now_ms() + BACKOFF_FIRST_MS;
	snprintf(service->reason, sizeof(service->reason), "%s", reply->text);
	return true;
}

static int ask(struct service *service, const char *method, const char *path, const json_t *body,
	       unsigned timeout_ms, docker_done done)
{
	struct docker_query query = {
		.socket = service->supervisor->system_socket,
		.method = method,
		.path = path,
		.body = body,
		.timeout_ms = timeout_ms,
		.done = done,
		.data = service,
	};
	struct error err = ERROR_INIT;
	int r = docker_send(service->supervisor->loop, &query, NULL, &err);

	if (r < 0)
		fail(service, console_now_ms(), err.message);
	return r;
}

static void started(void *data, const struct docker_reply *reply)
{
	struct service *service = data;
	uint64_t now = console_now_ms();

	if (lost(service, reply))
		return;
	if (!docker_reply_ok(reply)) {
		/* Broken by whatever: made anew rather than looked into. */
		service->stale = true;
		fail(service, now, reply->text);
		return;
	}
	if (service->died) {
		service->died = false;
		service->restarts++;
		fail(service, now, service->reason);
		return;
	}
	times_note(&service->times.running);
	runs(service, now);
}

static void start(struct service *service)
{
	char path[128];

	service->died = false;
	service->state = SERVICE_STARTING;
	times_note(&service->times.start);
	snprintf(path, sizeof(path), "/containers/%s/start", service->container);
	ask(service, "POST", path, NULL, REQUEST_TIMEOUT_MS, started);
}

static void pulled(void *data, const struct docker_reply *reply)
{
	struct service *service = data;

	if (lost(service, reply))
		return;
	service->state = SERVICE_DOWN;
	/* What goes wrong amid it stands in the stream, and the next start finds no image. */
	if (!docker_reply_ok(reply))
		fail(service, console_now_ms(), reply->text);
}

/* A person's own service: its image comes from a registry, as with `docker run`. */
static void pull(struct service *service)
{
	const char *image = service->spec->image, *slash = strrchr(image, '/');
	const char *tag = strchr(slash ? slash : image, ':');
	char path[512];

	service->state = SERVICE_PULLING;
	service->failures++; /* undone by a start; an image that is not there is no endless loop */
	service->retry_ms = console_now_ms() + service_backoff_ms(service->failures + PULL_PENALTY);
	snprintf(service->reason, sizeof(service->reason), "its image %.200s is being pulled",
		 image);
	snprintf(path, sizeof(path), "/images/create?fromImage=%.300s%s", image,
		 tag || strchr(image, '@') ? "" : "&tag=latest");
	report_changed(&service->supervisor->report);
	ask(service, "POST", path, NULL, PULL_TIMEOUT_MS, pulled);
}

static void created(void *data, const struct docker_reply *reply)
{
	struct service *service = data;
	const char *id;

	if (lost(service, reply))
		return;
	id = json_string_value(json_object_get(reply->body, "Id"));
	if (docker_reply_ok(reply) && id && strlen(id) < sizeof(service->container)) {
		snprintf(service->container, sizeof(service->container), "%s", id);
		service->stale = false;
		start(service);
		return;
	}
	if (reply->status == 404 && service->spec->added) {
		pull(service);
		return;
	}
	if (reply->status == 409) {
		/* The name is taken by a container that isn't ours, or is half made. */
		snprintf(service->container, sizeof(service->container), "%s", service->spec->name);
		service->stale = true;
	}
	fail(service, console_now_ms(), docker_reply_ok(reply) ? "no container id" : reply->text);
	if (reply->status == 404)
		mend_system_docker(&service->supervisor->report, "it lacks an image of the slot");
}

static void create(struct service *service)
{
	char path[128];

	service->state = SERVICE_CREATING;
	times_note(&service->times.create);
	snprintf(path, sizeof(path), "/containers/create?name=%s", service->spec->name);
	ask(service, "POST", path, service->body, REQUEST_TIMEOUT_MS, created);
}

static void removed(void *data, const struct docker_reply *reply)
{
	struct service *service = data;

	if (lost(service, reply))
		return;
	if (!docker_reply_ok(reply) && reply->status != 404) {
		fail(service, console_now_ms(), reply->text);
		return;
	}
	service->container[0] = '\0';
	service->stale = false;
	service->state = SERVICE_DOWN;
}

static void remove_container(struct service *service)
{
	char path[128];

	service->state = SERVICE_REMOVING;
	snprintf(path, sizeof(path), "/containers/%s?force=1&v=1", service->container);
	ask(service, "DELETE", path, NULL, REQUEST_TIMEOUT_MS, removed);
}

static void stopped(void *data, const struct docker_reply *reply)
{
	struct service *service = data;

	/* 404 and 304: it is gone or stands already. Anything else: PID 1 ends what is left. */
	if (!docker_reply_ok(reply) && reply->status != 404)
		report_console(&service->supervisor->report, "error: service %s: %s",
			       service->spec->name, reply->text);
	service->state = SERVICE_STOPPED;
	if (service->spec->user_docker && !service->supervisor->stopping)
		user_docker_reset(service->supervisor);
	report_changed(&service->supervisor->report);
}

/* User Docker first, while its containers still have everything; then dependents before what they
 * depend on. */
static bool may_stop(const struct service *service, uint64_t now)
{
	struct supervisor *supervisor = service->supervisor;

	if (service->spec->user_docker)
		return user_docker_may_stop(supervisor, now);
	if (supervisor->user_docker.service->state != SERVICE_STOPPED)
		return false;
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct service *other = &supervisor->services[i];

		for (size_t d = 0; d < other->spec->depends_on.count; d++)
			if (other->state != SERVICE_STOPPED &&
			    strcmp(other->spec->depends_on.items[d], service->spec->name) == 0)
				return false;
	}
	return true;
}

static void stop(struct service *service, uint64_t now)
{
	unsigned grace_s = (unsigned)service->spec->stop_grace_s;
	char path[128];

	service->state = SERVICE_STOPPING;
	service->stop_ms = now;
	snprintf(path, sizeof(path), "/containers/%s/stop?t=%u", service->container, grace_s);
	ask(service, "POST", path, NULL, (grace_s + 15) * 1000, stopped);
}

/* Docker has asked it as often as its retries say: it is ended, and started anew with back-off. */
static void end_ill(struct service *service, uint64_t now)
{
	service->ill = false;
	service->failures++;
	service->restarts++;
	service->retry_ms = now + service_backoff_ms(service->failures);
	snprintf(service->reason, sizeof(service->reason), "its health check fails");
	report_console(&service->supervisor->report, "error: service %s: %s", service->spec->name,
		       service->reason);
	stop(service, now);
}

void service_step(struct service *service, uint64_t now)
{
	struct supervisor *supervisor = service->supervisor;

	if (service->state == SERVICE_RUNNING) {
		if (service->ill && !supervisor->stopping) {
			end_ill(service, now);
			return;
		}
		if (service->failures > 0 && now - service->started_ms >= SERVICE_STABLE_MS)
			service->failures = 0;
		if (supervisor->stopping ? may_stop(service, now) : is_unwanted(service))
			stop(service, now);
		return;
	}
	if (service->state == SERVICE_STOPPED && !is_unwanted(service)) {
		service->state = SERVICE_DOWN;
		service->stale = true;
	}
	if (service->state != SERVICE_DOWN)
		return;
	if (is_unwanted(service)) {
		service->state = SERVICE_STOPPED;
		return;
	}
	if (supervisor->link.state != LINK_UP || now < service->retry_ms)
		return;
	if (service->container[0] && service->stale)
		remove_container(service);
	else if (!turn_has_come(service, now) ||
		 (service->spec->user_docker && !user_data_is_ready(supervisor)))
		return;
	else if (service->container[0])
		start(service);
	else
		create(service);
}

void service_ended(struct service *service, const char *reason, uint64_t now)
{
	if (service->state == SERVICE_STARTING) {
		service->died = true;
		snprintf(service->reason, sizeof(service->reason), "%s", reason);
		return;
	}
	if (service->state != SERVICE_RUNNING || service->supervisor->stopping)
		return;
	if (now - service->started_ms >= SERVICE_STABLE_MS)
		service->failures = 0;
	service->restarts++;
	fail(service, now, reason);
}

void service_adopt(struct service *service, const char *container, bool running, bool same,
		   uint64_t now)
{
	bool ours = strcmp(service->container, container) == 0;

	if (service->state == SERVICE_RUNNING) {
		if (ours && running)
			return;
		/* Its end was missed, or somebody has put another one in its place. */
		service_ended(service, "the container has ended", now);
		if (service->state == SERVICE_RUNNING)
			return;
	}
	if (service->state != SERVICE_DOWN)
		return;
	snprintf(service->container, sizeof(service->container), "%s", container);
	if (running && same) {
		service->stale = false;
		runs(service, now);
		return;
	}
	/* What a writable container holds is from an earlier boot: only read-only ones are used
	 * again. */
	if (running || !same || (!ours && !service->spec->read_only))
		service->stale = true;
}

void service_vanished(struct service *service, uint64_t now)
{
	if (service->state == SERVICE_RUNNING)
		service_ended(service, "the container has been removed", now);
	if (service->state == SERVICE_DOWN) {
		service->container[0] = '\0';
		service->stale = false;
	}
}

void service_restart(struct service *service, uint64_t now)
{
	service->held = false;
	service->failures = 0;
	service->retry_ms = 0;
	if (service->state == SERVICE_RUNNING)
		stop(service, now); /* `stopped` leaves it to service_step, which starts it anew */
	else
		service->stale = true;
}

void service_hold(struct service *service, uint64_t now)
{
	service->held = true;
	snprintf(service->reason, sizeof(service->reason), "stopped by a person");
	service_step(service, now);
	report_changed(&service->supervisor->report);
}

void service_release(struct service *service)
{
	service->held = false;
	service->failures = 0;
	service->retry_ms = 0;
	if (service->state != SERVICE_RUNNING)
		service->reason[0] = '\0';
	report_changed(&service->supervisor->report);
}

void service_health(struct service *service, const char *health)
{
	bool before = service->healthy;

	if (!health || service->state != SERVICE_RUNNING || service->spec->health.test.count == 0)
		return;
	service->healthy = strcmp(health, "healthy") == 0;
	if (before != service->healthy)
		report_changed(&service->supervisor->report);
	/* Docker's events come while curl works, which takes no further request meanwhile. */
	service->ill = strcmp(health, "unhealthy") == 0;
}

/* It did not get there: the container has ended, and its next start knows all. */
static void signalled(void *data, const struct docker_reply *reply)
{
	(void)data;
	(void)reply;
}

void service_signal(struct service *service, const char *signal)
{
	struct docker_query query = {
		.socket = service->supervisor->system_socket,
		.method = "POST",
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.done = signalled,
	};
	char path[128];

	if (service->state != SERVICE_RUNNING)
		return;
	snprintf(path, sizeof(path), "/containers/%s/kill?signal=%s", service->container, signal);
	query.path = path;
	(void)docker_send(service->supervisor->loop, &query, NULL, NULL);
}
