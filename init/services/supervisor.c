#include "init/services/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "init/services/configure.h"
#include "init/services/ntp.h"
#include "init/services/outcome.h"
#include "init/services/paths.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/console.h"
#include "lib/fields.h"
#include "lib/io.h"
#include "lib/request.h"

enum {
	/* A manager that is restarted late in the gate's time still gets that to look around. */
	LOOK_AROUND_MS = 60000,
	AGAIN_MS = 30000,
	AGAIN_PART = 4, /* and no more than that part of the deadline, which may be short */
};

/* What PID 1 wrote about this boot, as far as it concerns the gate. */
struct boot {
	uint64_t mounted_ms;
	bool slot_good;
	bool gate_passed;      /* an earlier manager has told so in this boot */
	char errors_path[128]; /* of the count of errors on the state partition */
};

static uint64_t deadline(const struct supervisor *supervisor)
{
	return (uint64_t)config_get_duration(&supervisor->configured.config,
					     "proa.health.deadline") *
	       1000;
}

static void read_boot(struct supervisor *supervisor, struct boot *boot)
{
	_cleanup_fields_ struct fields fields = {0};
	uint64_t limit = deadline(supervisor), now = console_now_ms();
	uint64_t latest = now + LOOK_AROUND_MS - limit;
	const char *hash, *state;

	*boot = (struct boot){.mounted_ms = now};
	if (fields_read(PATH_BOOT, &fields, NULL) < 0)
		return; /* not started by Proa's PID 1 */
	hash = fields_get(&fields, "root_hash");
	state = fields_get(&fields, "state");
	if (state && strrchr(state, '/'))
		snprintf(boot->errors_path, sizeof(boot->errors_path),
			 "/sys/fs/ext4%.64s/errors_count", strrchr(state, '/'));
	boot->mounted_ms = fields_get_number(&fields, "t_state", now);
	if (now + LOOK_AROUND_MS > limit && boot->mounted_ms < latest)
		boot->mounted_ms = latest;
	boot->slot_good = fields_get_number(&fields, "good", 0) == 1;
	supervisor->user_docker.data.slot_good = boot->slot_good;
	supervisor->user_docker.data.own = fields_get_number(&fields, "data_version", 0);
	boot->gate_passed = fields_get_number(&fields, "t_gate", 0) > 0;
	snprintf(supervisor->release, sizeof(supervisor->release), "%s", hash ? hash : "");
}

static bool has_errors(const struct boot *boot)
{
	_cleanup_free_ char *count = NULL;
	size_t size;

	return io_read_file(boot->errors_path, 64, &count, &size, NULL) == 0 &&
	       strcmp(count, "0\n") != 0;
}

static bool takes_writes(void)
{
	_cleanup_fd_ int fd = open("/var", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd >= 0 || errno == ENOSPC;
}

/*
 * The state partition is ext4 at /var; a tmpfs in its place (a last resort) does not count.
 * From 6.12 on the kernel shows a file system as writable that it has made read-only after
 * an error (d3476f3dad4a, "ext4: don't set SB_RDONLY after filesystem errors").
 */
static bool state_is_mounted(const struct boot *boot)
{
	struct statfs kind;
	struct statvfs flags;

	return statfs("/var", &kind) == 0 && kind.f_type == EXT4_SUPER_MAGIC &&
	       statvfs("/var", &flags) == 0 && !(flags.f_flag & ST_RDONLY) &&
	       (!has_errors(boot) || takes_writes());
}

/* For how long something runs again, after it has ended, before the gate believes it. */
static uint64_t again_ms(const struct supervisor *supervisor)
{
	uint64_t part = deadline(supervisor) / AGAIN_PART;

	return part < AGAIN_MS ? part : AGAIN_MS;
}

/* One that ends again and again would be met running some time. */
static bool is_believed(const struct service *service, uint64_t now)
{
	return service->supervisor->gate.verdict != GATE_OPEN ||
	       service_has_run(service, again_ms(service->supervisor), now);
}

/* Of a slot that was good before, this may be its last look: who answers then, answers. */
static bool system_docker_answers(const struct supervisor *supervisor, const struct boot *boot,
				  uint64_t now)
{
	const struct link *link = &supervisor->link;

	return link->state == LINK_UP &&
	       (boot->slot_good || supervisor->gate.verdict != GATE_OPEN || link->losses == 0 ||
		now - link->up_ms >= again_ms(supervisor));
}

static const char *trouble(const struct service *service)
{
	if (service->state != SERVICE_RUNNING)
		return "does not run";
	if (!service_well(service))
		return "is not healthy";
	return service->restarts > 0 ? "has ended before" : "has only just started";
}

static void list_missing(const struct supervisor *supervisor, uint64_t now, char *out, size_t room)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct service *service = &supervisor->services[i];
		int wrote;

		if (!service->spec->required || service->spec->disabled ||
		    (service_well(service) && is_believed(service, now)))
			continue;
		wrote = snprintf(out + used, room - used, "%sservice %s %s%s%s%s", used ? "; " : "",
				 service->spec->name, trouble(service),
				 service->reason[0] ? " (" : "", service->reason,
				 service->reason[0] ? ")" : "");
		if (wrote < 0 || (size_t)wrote >= room - used)
			return;
		used += (size_t)wrote;
	}
}

static void judge(struct supervisor *supervisor, const struct boot *boot, uint64_t now)
{
	char missing[GATE_TEXT_MAX], people[GATE_TEXT_MAX], known[GATE_TEXT_MAX];
	char remarks[2 * GATE_TEXT_MAX + 32];
	struct gate before;
	struct gate_facts facts = {
		.now_ms = now,
		.mounted_ms = boot->mounted_ms,
		.slot_good = boot->slot_good,
		.state_mounted = state_is_mounted(boot),
		.system_answers = system_docker_answers(supervisor, boot, now),
		.user_answers = supervisor->user_docker.answers,
		.deadline_ms = deadline(supervisor),
		.copying_ms = user_data_copying_ms(supervisor, now),
		.services = missing,
		.people = people,
		.starting = supervisor->judge.containers.starting,
		.remarks = remarks,
	};

	if (supervisor->stopping)
		return;
	list_missing(supervisor, now, missing, sizeof(missing));
	judge_says(supervisor, people, sizeof(people));
	judge_says_known(&supervisor->judge, known, sizeof(known));
	snprintf(remarks, sizeof(remarks), "%s%s%s%s", supervisor->remarks,
		 supervisor->remarks[0] && known[0] ? "; " : "",
		 known[0] ? "as before the upgrade: " : "", known);
	before = supervisor->gate;
	gate_judge(&supervisor->gate, &facts);
	if (before.verdict == GATE_OPEN && supervisor->gate.verdict == GATE_PASSED && known[0]) {
		memcpy(supervisor->left_out, known, sizeof(supervisor->left_out));
		report_console(&supervisor->report, "left out, as before the upgrade: %s", known);
	}
	if (before.verdict != supervisor->gate.verdict ||
	    strcmp(before.degraded, supervisor->gate.degraded) != 0)
		report_changed(&supervisor->report);
}

/* Milliseconds until some timer is due; between 10 and the tick. */
static int next_wait(const struct supervisor *supervisor, uint64_t now)
{
	bool quiet = supervisor->report.verdict_told && !supervisor->stopping;
	uint64_t next = now + (quiet ? SUPERVISOR_REST_MS : SUPERVISOR_TICK_MS);
	const struct user_docker *user = &supervisor->user_docker;

	if (!supervisor->link.listing && supervisor->link.next_ms < next)
		next = supervisor->link.next_ms;
	if (supervisor->configured.mounts_ms > 0 && supervisor->configured.mounts_ms < next)
		next = supervisor->configured.mounts_ms;
	if (!user->asking && user->service->state == SERVICE_RUNNING && user->next_ms < next)
		next = user->next_ms;
	if (user->data.state != USER_DATA_READY && user->data.next_ms > now &&
	    user->data.next_ms < next)
		next = user->data.next_ms;
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct service *service = &supervisor->services[i];

		if (service->state == SERVICE_DOWN && service->retry_ms > now &&
		    service->retry_ms < next)
			next = service->retry_ms;
	}
	return next > now + 10 ? (int)(next - now) : 10;
}

static bool all_stopped(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->count; i++)
		if (supervisor->services[i].state != SERVICE_STOPPED)
			return false;
	return true;
}

int supervisor_describe(struct service *service, struct error *err)
{
	json_decref(service->body);
	service->body =
		container_body(service->spec, service->supervisor->release, service->config);
	return service->body ? 0 : error_oom(err);
}

static int prepare(struct supervisor *supervisor, struct error *err)
{
	_cleanup_fields_ struct fields former = {0};

	supervisor->count = supervisor->file.count;
	for (size_t i = 0; i < supervisor->count; i++) {
		struct service *service = &supervisor->services[i];

		service->supervisor = supervisor;
		service->spec = &supervisor->file.services[i];
		if (supervisor_describe(service, err) < 0)
			return -ENOMEM;
		if (service->spec->user_docker)
			supervisor->user_docker.service = service;
	}
	if (fields_read(PATH_STATUS, &former, NULL) == 0) {
		const char *left_out = fields_get(&former, "left_out");

		times_restore(supervisor, &former);
		snprintf(supervisor->left_out, sizeof(supervisor->left_out), "%s",
			 left_out ? left_out : "");
	}
	times_note(&supervisor->times.manager);
	user_data_begin(supervisor);
	return user_docker_prepare(supervisor, err);
}

/* Those that the network service has learned. */
static void update_servers(struct supervisor *supervisor, int watch)
{
	const struct config *config = &supervisor->configured.config;
	struct error err = ERROR_INIT;
	int r;

	/* First, since it empties the watch: what changes from here on wakes us again. */
	if (resolv_update(&supervisor->names, watch, PATH_NETIF "/state", PATH_RESOLV_CONF, &err) <
	    0)
		report_console(&supervisor->report, "error: %s", err.message);
	r = ntp_learn(PATH_NETIF "/state", NTP_LEARNED, &err);
	if (r < 0)
		report_console(&supervisor->report, "error: %s", err.message);
	if (r > 0 && !ntp_is_configured(config))
		supervisor->clock_outdated = true;
}

/* chronyd cannot be told of servers while it runs: nobody may ask it anything. */
static void restart_clock(struct supervisor *supervisor, uint64_t now)
{
	struct service *ntp = service_find(supervisor, "ntp");

	if (!supervisor->clock_outdated)
		return;
	if (ntp && (ntp->state == SERVICE_CREATING || ntp->state == SERVICE_STARTING))
		return;
	supervisor->clock_outdated = false;
	if (ntp && ntp->state == SERVICE_RUNNING)
		service_restart(ntp, now);
}

/* What is due now. Starting a service may make the next one's turn come: user Docker leads. */
static void step(struct supervisor *supervisor, const struct boot *boot)
{
	uint64_t now = console_now_ms();

	link_step(supervisor, now);
	service_step(supervisor->user_docker.service, now);
	for (size_t i = 0; i < supervisor->count; i++)
		service_step(&supervisor->services[i], now);
	user_docker_step(supervisor, now);
	configure_step(supervisor, now);
	user_data_step(supervisor, now);
	restart_clock(supervisor, now);
	judge_step(supervisor, now);
	judge(supervisor, boot, now);
	report_step(supervisor, now);
	outcome_step(supervisor);
}

static void read_signals(struct supervisor *supervisor, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		supervisor->stopping = true;
		report_changed(&supervisor->report);
	}
}

/* PID 1 waits for the verdict a while longer than that, whatever becomes of us. */
static void tell_deadline(struct supervisor *supervisor)
{
	struct error err = ERROR_INIT;
	char line[32];

	snprintf(line, sizeof(line), "deadline %llu",
		 (unsigned long long)deadline(supervisor) / 1000);
	if (request_pid1(PATH_INIT_SOCKET, line, NULL, 0, &err) < 0 && err.code != -ENOENT)
		report_console(&supervisor->report, "error: %s", err.message);
}

int supervisor_run(struct supervisor *supervisor, struct error *err)
{
	_cleanup_fd_ int signals = -1, names = -1;
	struct error control = ERROR_INIT;
	struct boot boot;
	sigset_t wanted;
	int r;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals < 0)
		return error_errno(err, "cannot watch for signals");

	supervisor->began_ms = console_now_ms();
	judge_init(&supervisor->judge);
	configure(supervisor);
	supervisor->link.since_ms = console_now_ms();
	read_boot(supervisor, &boot);
	if (!boot.slot_good)
		judge_know(&supervisor->judge, supervisor->release);
	tell_deadline(supervisor);
	if (boot.gate_passed) {
		supervisor->gate.verdict = GATE_PASSED;
		supervisor->report.verdict_told = true;
	}
	if (control_open(&supervisor->control, PATH_SERVICES_SOCKET, &control) < 0)
		report_console(&supervisor->report, "error: %s", control.message);
	names = resolv_watch(PATH_NETIF, NULL);
	update_servers(supervisor, names);
	r = prepare(supervisor, err);
	while (r == 0) {
		struct pollfd watched[2 + CONTROL_WATCHED] = {
			{.fd = signals, .events = POLLIN},
			{.fd = names, .events = POLLIN},
		};

		control_watch(&supervisor->control, &watched[2]);

		step(supervisor, &boot);
		if (supervisor->stopping && all_stopped(supervisor))
			break;
		r = docker_loop_wait(supervisor->loop, watched, 2 + CONTROL_WATCHED,
				     next_wait(supervisor, console_now_ms()), err);
		if (watched[0].revents)
			read_signals(supervisor, signals);
		if (watched[1].revents)
			update_servers(supervisor, names);
		control_serve(&supervisor->control, supervisor, &watched[2]);
	}
	control_close(&supervisor->control);
	resolv_free(&supervisor->names);
	config_free(&supervisor->configured.config);
	judge_end(&supervisor->judge);
	for (size_t i = 0; i < supervisor->count; i++)
		json_decref(supervisor->services[i].body);
	return r;
}
