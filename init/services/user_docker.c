#include "init/services/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

/*
 * Live restore decides what dockerd does with its containers when it ends. In
 * daily life it is on: they outlive a restart of user Docker. At an orderly
 * shutdown it is switched off first (dockerd reads its file again on SIGHUP),
 * so that dockerd itself stops the containers, in order and each within its own
 * time, and starts them again at the next boot as their restart policies say.
 * Stopping them by the API would count as a person's wish, and "unless-stopped"
 * containers would stay down.
 */
#define CONFIG_LIVE "{\"live-restore\": true, \"features\": {\"containerd-snapshotter\": false}}\n"
#define CONFIG_STOP "{\"live-restore\": false, \"features\": {\"containerd-snapshotter\": false}}\n"

enum {
	TELL_TIMEOUT_MS = 15000, /* for switching live restore off: it may still be starting */
	TELL_AGAIN_MS = 100,
	FIRST_TIMEOUT_MS = 300000, /* a dockerd with thousands of containers takes its time */
	PING_TIMEOUT_MS = 20000,
	MISSES_MAX = 2,
	TRIES_MAX = 2,
	REFUSES_MS = 20000,
};

static int write_config(const char *text, struct error *err)
{
	return io_replace_file(PATH_USER_DOCKER_CONFIG, text, strlen(text), 0644, err);
}

int user_docker_prepare(struct supervisor *supervisor, struct error *err)
{
	_cleanup_free_ char *before = NULL;
	size_t size;
	_cleanup_fd_ int resolv = -1;
	int r = io_make_dirs(PATH_USER_DOCKER_DIR, err);

	if (r < 0)
		return r;
	/* Docker makes a folder of a volume's source that isn't there. */
	resolv = open(PATH_RESOLV_CONF, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (resolv < 0)
		return error_errno(err, "cannot create %s", PATH_RESOLV_CONF);
	/* /run/docker.sock: where every Docker client looks (/var/run is /run). */
	if (symlink(PATH_USER_DOCKER, PATH_USER_DOCKER_LINK) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create %s", PATH_USER_DOCKER_LINK);
	if (io_read_file(PATH_USER_DOCKER_CONFIG, 4096, &before, &size, NULL) == 0 &&
	    strcmp(before, CONFIG_LIVE) == 0)
		return 0;
	/* An earlier manager ended amid a shutdown that never came: a running dockerd must know. */
	supervisor->user_docker.reload = before != NULL;
	return write_config(CONFIG_LIVE, err);
}

void user_docker_reset(struct supervisor *supervisor)
{
	supervisor->user_docker.answers = false;
	supervisor->user_docker.misses = 0;
	supervisor->user_docker.refused_ms = 0;
	supervisor->user_docker.next_ms = 0;
}

bool user_docker_is_of_no_use(const struct user_docker *user, uint64_t now)
{
	const struct service *service = user->service;

	if (user->announced || service->held)
		return false;
	if (service->state == SERVICE_DOWN)
		return service->failures >= TRIES_MAX;
	return service->state == SERVICE_RUNNING && user->refused_ms &&
	       now - user->refused_ms >= REFUSES_MS;
}

static int ask(struct supervisor *supervisor, const char *socket, const char *method,
	       const char *path, unsigned timeout_ms, docker_done done)
{
	struct docker_query query = {
		.socket = socket,
		.method = method,
		.path = path,
		.timeout_ms = timeout_ms,
		.done = done,
		.data = supervisor,
	};
	int r = docker_send(supervisor->loop, &query, NULL, NULL);

	if (r == 0)
		supervisor->user_docker.asking = true;
	return r;
}

static void told(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;

	supervisor->user_docker.asking = false;
	if (!docker_reply_ok(reply))
		report_console(&supervisor->report, "error: user Docker: %s", reply->text);
}

static int send_sighup(struct supervisor *supervisor)
{
	char path[128];

	snprintf(path, sizeof(path), "/containers/%s/kill?signal=HUP",
		 supervisor->user_docker.service->container);
	return ask(supervisor, supervisor->system_socket, "POST", path, TELL_TIMEOUT_MS, told);
}

static void pinged(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;
	struct user_docker *user = &supervisor->user_docker;
	uint64_t now = console_now_ms();

	user->asking = false;
	if (user->service->state != SERVICE_RUNNING)
		return;
	if (!docker_reply_ok(reply)) {
		user->next_ms = now + LINK_RETRY_MS;
		if (reply->result == 0 && !user->refused_ms)
			user->refused_ms = now;
		if (user->answers && ++user->misses >= MISSES_MAX) {
			user->answers = false;
			snprintf(user->service->reason, sizeof(user->service->reason), "%s",
				 reply->text);
			report_changed(&supervisor->report);
		}
		return;
	}
	user->misses = 0;
	user->refused_ms = 0;
	user->next_ms = now + USER_DOCKER_PING_MS;
	if (user->answers)
		return;
	user->answers = true;
	user_data_answered(supervisor);
	if (!user->announced)
		report_console(&supervisor->report, "user Docker answers");
	user->announced = true;
	times_note(&supervisor->times.user_docker);
	report_changed(&supervisor->report);
}

void user_docker_step(struct supervisor *supervisor, uint64_t now)
{
	struct user_docker *user = &supervisor->user_docker;

	if (user->asking || supervisor->stopping || user->service->state != SERVICE_RUNNING ||
	    now < user->next_ms)
		return;
	if (user->reload && supervisor->link.state == LINK_UP) {
		user->reload = false;
		send_sighup(supervisor);
		return;
	}
	user->next_ms = now + LINK_RETRY_MS;
	if (access(PATH_USER_DOCKER, F_OK) == 0)
		ask(supervisor, PATH_USER_DOCKER, "GET", "/_ping",
		    user->answers ? PING_TIMEOUT_MS : FIRST_TIMEOUT_MS, pinged);
}

/* SIGHUP has no answer of its own: dockerd's own report says when it took effect. */
static void looked(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;
	struct user_docker *user = &supervisor->user_docker;

	user->asking = false;
	user->next_ms = console_now_ms() + TELL_AGAIN_MS;
	if (docker_reply_ok(reply) &&
	    json_is_false(json_object_get(reply->body, "LiveRestoreEnabled")))
		user->stop = USER_DOCKER_READY;
}

bool user_docker_may_stop(struct supervisor *supervisor, uint64_t now)
{
	struct user_docker *user = &supervisor->user_docker;
	struct error err = ERROR_INIT;

	switch (user->stop) {
	case USER_DOCKER_RUNS:
		if (!judge_remember(supervisor, now))
			return false;
		user->service->stop_ms = now;
		user->next_ms = now;
		user->stop = USER_DOCKER_TOLD;
		if (write_config(CONFIG_STOP, &err) < 0)
			report_console(&supervisor->report, "error: %s", err.message);
		send_sighup(supervisor);
		return false;
	case USER_DOCKER_TOLD:
		if (now - user->service->stop_ms >= TELL_TIMEOUT_MS) {
			report_console(&supervisor->report,
				       "error: user Docker did not take its order to stop its "
				       "containers");
			user->stop = USER_DOCKER_READY;
		} else if (!user->asking && now >= user->next_ms) {
			ask(supervisor, PATH_USER_DOCKER, "GET", "/info", TELL_TIMEOUT_MS, looked);
		}
		return user->stop == USER_DOCKER_READY;
	case USER_DOCKER_READY:
		return true;
	}
	return true;
}
