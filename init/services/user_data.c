#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "init/services/configure.h"
#include "init/services/paths.h"
#include "init/services/run.h"
#include "init/services/supervisor.h"
#include "lib/cleanup.h"
#include "lib/command.h"
#include "lib/console.h"
#include "lib/fields.h"

enum {
	LOOK_MS = 50,     /* while the process works: a start waits for it */
	AGAIN_MS = 10000, /* somebody may have made room meanwhile */
	SPACE_LEAST = 16 << 20,
	ENDS_MAX = 3, /* engines that ended on newer data, before the copy is put back */
	EXIT_OF_SIGNAL = 128, /* and the signal's number: how Docker tells that it was one */
};

#define PREPARE "prepare"
#define RESTORE "restore"

static void set_problem(struct supervisor *supervisor, const char *problem)
{
	struct user_data *data = &supervisor->user_docker.data;

	snprintf(data->problem, sizeof(data->problem), "%.255s", problem);
	configure_remark(supervisor);
}

/* What an engine has refused lies there until a person removes it. */
static void tell_refused(struct supervisor *supervisor)
{
	char path[80], problem[256];

	if (!docker_data_find_refused(DOCKER_DATA_ROOT, path, sizeof(path)))
		return;
	snprintf(problem, sizeof(problem),
		 "older data of user Docker were put back; the newer ones, which it did not start "
		 "with, are in %s: remove that folder when nothing in it is needed",
		 path);
	set_problem(supervisor, problem);
}

void user_data_begin(struct supervisor *supervisor)
{
	struct user_data *data = &supervisor->user_docker.data;
	struct docker_data found;

	docker_data_read(DOCKER_DATA_ROOT, &found);
	if (data->own > 0 && !docker_data_is_ready(&found, data->own))
		data->state = USER_DATA_WAITING;
	tell_refused(supervisor);
}

bool user_data_is_ready(struct supervisor *supervisor)
{
	struct user_data *data = &supervisor->user_docker.data;
	struct docker_data found;

	if (data->state != USER_DATA_READY || data->own == 0 || data->told)
		return data->state == USER_DATA_READY;
	/* A disk may have been mounted there since. */
	docker_data_read(DOCKER_DATA_ROOT, &found);
	if (!docker_data_is_ready(&found, data->own))
		data->state = USER_DATA_WAITING;
	return data->state == USER_DATA_READY;
}

void user_data_answered(struct supervisor *supervisor)
{
	struct user_data *data = &supervisor->user_docker.data;
	struct docker_data found;
	struct error err = ERROR_INIT;

	data->ends = 0;
	docker_data_read(DOCKER_DATA_ROOT, &found);
	if (data->own > 0 && found.version > data->own &&
	    docker_data_accept(DOCKER_DATA_ROOT, data->own, &err) < 0)
		report_console(&supervisor->report, "error: %s", err.message);
}

/* Whoever was killed, for want of memory or by a person, has refused nothing. */
void user_data_ended(struct supervisor *supervisor, long code)
{
	if (code > 0 && code < EXIT_OF_SIGNAL)
		supervisor->user_docker.data.ends++;
}

uint64_t user_data_copying_ms(const struct supervisor *supervisor, uint64_t now)
{
	const struct user_data *data = &supervisor->user_docker.data;

	return data->worked_ms + (data->state == USER_DATA_WORKING ? now - data->began_ms : 0);
}

static void failed(struct supervisor *supervisor, const char *why, uint64_t now)
{
	struct user_docker *user = &supervisor->user_docker;
	struct docker_data found;

	docker_data_read(DOCKER_DATA_ROOT, &found);
	if ((user->data.restore || user->data.slot_good) && !found.restores) {
		/* It has had these data before, or nothing else is left. */
		user->data.state = USER_DATA_READY;
		/* An older engine's they are no more, nor is there a copy. */
		if (!user->data.restore)
			(void)docker_data_accept(DOCKER_DATA_ROOT, user->data.own, NULL);
		set_problem(supervisor, why);
	} else {
		/* The gate fails, and the release that the machine came from has its data still. */
		user->data.state = USER_DATA_WAITING;
		user->data.next_ms = now + AGAIN_MS;
		snprintf(user->service->reason, sizeof(user->service->reason), "%.255s", why);
		report_changed(&supervisor->report);
	}
	if (!user->data.told)
		report_console(&supervisor->report, "error: user Docker: %s", why);
	user->data.told = true;
}

static void start(struct supervisor *supervisor, uint64_t now)
{
	struct user_data *data = &supervisor->user_docker.data;
	char *const argv[] = {(char *)"/proc/self/exe", (char *)"--docker-data",
			      (char *)(data->restore ? RESTORE : PREPARE), NULL};
	int r;

	data->said = memfd_create("docker-data", MFD_CLOEXEC);
	r = data->said < 0 ? -errno : run_start(argv, data->said, &data->pid);
	if (r == 0) {
		data->state = USER_DATA_WORKING;
		data->began_ms = now;
		data->next_ms = now + LOOK_MS;
		return;
	}
	if (data->said >= 0)
		close(data->said);
	failed(supervisor, strerror(-r), now);
}

static void ended(struct supervisor *supervisor, int status, uint64_t now)
{
	struct user_docker *user = &supervisor->user_docker;
	char said[256];
	ssize_t got = pread(user->data.said, said, sizeof(said) - 1, 0);

	close(user->data.said);
	user->data.worked_ms = user_data_copying_ms(supervisor, now);
	user->data.pid = 0;
	said[got > 0 ? got : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	if (status != EXIT_DONE) {
		failed(supervisor, said[0] ? said : "the program that keeps its data ended badly",
		       now);
		return;
	}
	user->data.state = USER_DATA_READY;
	user->service->reason[0] = '\0';
	user->service->failures = 0;
	user->service->retry_ms = 0;
	if (said[0])
		report_console(&supervisor->report, "%s", said);
	tell_refused(supervisor);
	report_changed(&supervisor->report);
}

/* In this boot: a manager that was restarted does not know of it before System Docker's list. */
static bool engine_may_run(const struct supervisor *supervisor)
{
	return supervisor->user_docker.service->state != SERVICE_DOWN ||
	       (supervisor->link.state != LINK_UP && access(PATH_USER_DOCKER, F_OK) == 0);
}

/* An engine that ends on a full disk does not end because of its data. */
static bool has_space(void)
{
	struct statvfs room;

	return statvfs(DOCKER_DATA_ROOT, &room) < 0 ||
	       (uint64_t)room.f_bavail * room.f_frsize >= SPACE_LEAST;
}

/* Do newer data make it end? Its options have been tried without by now (configure.c). */
static void look_for_refusal(struct supervisor *supervisor, uint64_t now)
{
	struct user_docker *user = &supervisor->user_docker;
	struct docker_data found;

	if (user->data.restored || user->data.own == 0 || !user_docker_is_of_no_use(user, now) ||
	    (user->data.ends < ENDS_MAX && user->service->state == SERVICE_DOWN))
		return;
	docker_data_read(DOCKER_DATA_ROOT, &found);
	if (found.version <= user->data.own || !has_space())
		return;
	report_console(&supervisor->report,
		       "error: user Docker does not start with what a newer release's has left");
	user->data.restored = user->data.restore = true;
	user->data.state = USER_DATA_WAITING;
	user->data.next_ms = now;
	service_restart(user->service, now);
}

void user_data_step(struct supervisor *supervisor, uint64_t now)
{
	struct user_data *data = &supervisor->user_docker.data;
	int status;

	if (data->state == USER_DATA_READY && !supervisor->stopping)
		look_for_refusal(supervisor, now);
	if (data->state == USER_DATA_WAITING && now >= data->next_ms && !supervisor->stopping &&
	    !engine_may_run(supervisor))
		start(supervisor, now);
	if (data->state != USER_DATA_WORKING)
		return;
	data->next_ms = now + LOOK_MS;
	if (run_wait(data->pid, 0, &status))
		ended(supervisor, status, now);
}

int user_data_work(const char *what)
{
	_cleanup_fields_ struct fields fields = {0};
	struct error err = ERROR_INIT;
	bool restore = strcmp(what, RESTORE) == 0;
	uint64_t own;
	int r = fields_read(PATH_BOOT, &fields, &err);

	if (r < 0 || (!restore && strcmp(what, PREPARE) != 0)) {
		printf("%s\n", r < 0 ? err.message : "--docker-data: prepare or restore");
		return r < 0 ? EXIT_FAILED : EXIT_USAGE;
	}
	own = fields_get_number(&fields, "data_version", 0);
	r = restore ? docker_data_restore(DOCKER_DATA_ROOT, own, &err)
		    : docker_data_prepare(DOCKER_DATA_ROOT, own, &err);
	if (r < 0)
		printf("%s\n", err.message);
	else if (restore)
		printf("user Docker's older data are back; the newer ones are kept aside\n");
	else if (r > 0)
		printf("user Docker's data are copied: a newer engine starts on them\n");
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
