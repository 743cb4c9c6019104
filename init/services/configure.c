#include "init/services/configure.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "init/services/added.h"
#include "init/services/commands.h"
#include "init/services/files.h"
#include "init/services/login.h"
#include "init/services/mounts.h"
#include "init/services/network.h"
#include "init/services/ntp.h"
#include "init/services/paths.h"
#include "init/services/run.h"
#include "init/services/settings.h"
#include "init/services/settings_watchdog.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/console.h"
#include "lib/io.h"
#include "lib/options.h"

enum {
	BOOTCMD_TIMEOUT_MS = 60000, /* the services wait for them, and the gate for those */
	MOUNTS_FIRST_MS = 30000, /* so long the services wait for them */
	MOUNTS_AGAIN_MS = 2000,
	MOUNTS_PATIENCE_MS = 120000, /* later nobody expects the device any more */
};

#define ONCE        "/run/proa/once"
#define BOOTCMD_LOG "/var/log/bootcmd.log"
#define RUNCMD_LOG  "/var/log/runcmd.log"

/* A tmpfs stands in the state partition's place: a last resort. */
static bool state_is_missing(void)
{
	struct statfs kind;

	return statfs("/var", &kind) == 0 && kind.f_type == TMPFS_MAGIC;
}

/* True for one caller in a boot, whoever asks again: a restarted manager, say. */
static bool first_time(const char *name)
{
	_cleanup_fd_ int folder = -1, fd = -1;

	if (io_make_dirs(ONCE, NULL) < 0)
		return true;
	folder = open(ONCE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd >= 0 || errno != EEXIST;
}

static void disable(struct supervisor *supervisor, const char *name, bool disabled)
{
	struct services_file *file = &supervisor->file;

	for (size_t i = 0; i < file->count; i++)
		if (strcmp(file->services[i].name, name) == 0)
			file->services[i].disabled = disabled;
}

static struct service_spec *user_docker_spec(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->file.count; i++)
		if (supervisor->file.services[i].user_docker)
			return &supervisor->file.services[i];
	return NULL; /* the services file's reader sees to it that there is one */
}

void configure_remark(struct supervisor *supervisor)
{
	const struct configured *state = &supervisor->configured;
	const char *const parts[] = {state->problems, state->mounts, state->user_docker,
				     supervisor->user_docker.data.problem, state->runcmd};
	char *out = supervisor->remarks;
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int wrote = parts[i][0] ? snprintf(out + used, GATE_TEXT_MAX - used, "%s%s",
						   used ? "; " : "", parts[i])
					: 0;

		if (wrote < 0 || (size_t)wrote >= GATE_TEXT_MAX - used)
			return;
		used += (size_t)wrote;
	}
}

/* A device or a server may take long, and the loop waits for nobody: a process of its own. */
static void mount_all(struct supervisor *supervisor)
{
	struct configured *state = &supervisor->configured;

	state->mounts_ms = 0;
	if (!config_get(&state->config, "mounts")) {
		state->mounting.outdated = state->mounting.pid > 0;
		state->mounts[0] = '\0';
	} else if (mounts_start(&state->mounting) < 0) {
		snprintf(state->mounts, sizeof(state->mounts), "mounts: cannot be mounted");
	}
}

static void look_at_mounts(struct supervisor *supervisor, int wait_ms)
{
	struct configured *state = &supervisor->configured;
	uint64_t now;
	bool again;

	if (state->mounting.pid == 0 ||
	    !mounts_ended(&state->mounting, wait_ms, state->mounts, sizeof(state->mounts), &again))
		return;
	now = console_now_ms();
	if (state->mounting.outdated)
		mount_all(supervisor);
	else if (again && now - supervisor->began_ms <= MOUNTS_PATIENCE_MS)
		state->mounts_ms = now + MOUNTS_AGAIN_MS;
	configure_remark(supervisor);
}

/* An outdated process may come first. */
static void wait_for_mounts(struct supervisor *supervisor)
{
	struct configured *state = &supervisor->configured;
	uint64_t now, end = console_now_ms() + MOUNTS_FIRST_MS;

	while (state->mounting.pid > 0 && (now = console_now_ms()) < end)
		look_at_mounts(supervisor, (int)(end - now));
	if (state->mounting.pid > 0)
		snprintf(state->mounts, sizeof(state->mounts), "mounts: one of them takes long");
}

/* Without these nobody could reach and mend the machine: done whatever became of the rest. */
static int apply_access(struct supervisor *supervisor)
{
	struct configured *state = &supervisor->configured;
	int r = login_apply(&state->config, state_is_missing(), &login_of_this_machine);

	if (r == 0)
		r = network_apply(&state->config, &network_of_this_machine, &state->network_changed,
				  &supervisor->names);
	return r;
}

static int apply_rest(struct supervisor *supervisor)
{
	struct config *config = &supervisor->configured.config;
	struct error err = ERROR_INIT;
	int r = ntp_apply(config, NTP_CONF, &supervisor->configured.ntp_changed);

	disable(supervisor, "ntp", !config_get_bool(config, "proa.ntp.enabled"));
	if (r == 0)
		r = docker_options_apply(config, &supervisor->configured.docker,
					 user_docker_spec(supervisor));
	if (r == 0 && supervisor->count == 0) /* later the services are what they are */
		r = added_services(config, &supervisor->file);
	if (r == 0 && docker_options_system(config, PATH_SYSTEM_DOCKER_ARGS, &err) < 0)
		r = config_problem(&config->problems, CONFIG_ERROR,
				   &(struct config_place){.source = "proa.system_docker"}, NULL,
				   "%s", err.message);
	if (r == 0)
		r = settings_apply(config, &settings_of_this_machine);
	if (r == 0)
		r = settings_watchdog(config, PATH_INIT_SOCKET);
	if (r == 0 && first_time("bootcmd"))
		r = commands_run(config, "bootcmd", BOOTCMD_LOG, BOOTCMD_TIMEOUT_MS);
	mount_all(supervisor);
	wait_for_mounts(supervisor);
	/* Into what has just been mounted, perhaps. */
	return r < 0 ? r : files_write(config);
}

static void summarize(struct configured *state)
{
	size_t used;

	settings_summary(&state->config.problems, state->problems, sizeof(state->problems));
	used = strlen(state->problems);
	if (state->config.old_files > 0)
		snprintf(state->problems + used, sizeof(state->problems) - used,
			 "; its last good version counts instead");
}

void configure(struct supervisor *supervisor)
{
	struct configured *state = &supervisor->configured;
	struct error err = ERROR_INIT;
	int r, rest;

	config_free(&state->config);
	resolv_free(&supervisor->names);
	r = config_load(&config_of_this_machine, &state->config, &err);
	config_keep_good(&config_of_this_machine);
	rest = apply_access(supervisor);
	if (r == 0 && rest == 0)
		rest = apply_rest(supervisor);
	if (r == 0 && rest < 0)
		r = error_oom(&err);
	if (r < 0)
		snprintf(state->problems, sizeof(state->problems), "configuration: %.400s",
			 err.message);
	else
		summarize(state);
	configure_remark(supervisor);
}

/* Describes each service as it is now; one that is another than before is restarted. */
static int restart_changed(struct supervisor *supervisor, bool network, bool ntp, char *answer,
			   size_t size)
{
	uint64_t now = console_now_ms();

	for (size_t i = 0; i < supervisor->count; i++) {
		struct service *service = &supervisor->services[i];
		const char *name = service->spec->name;
		char before[HASH_HEX_SIZE];
		bool changed;

		memcpy(before, service->config, sizeof(before));
		if (supervisor_describe(service, NULL) < 0)
			return -ENOMEM;
		changed = strcmp(before, service->config) != 0 ||
			  (network && strcmp(name, "network") == 0) ||
			  (ntp && strcmp(name, "ntp") == 0);
		if (changed && !service->held && !service->spec->disabled) {
			service_restart(service, now);
			/* Whether it answers with these options is to be seen anew. */
			if (service->spec->user_docker) {
				supervisor->user_docker.announced = false;
				supervisor->user_docker.refused_ms = 0;
			}
			snprintf(answer + strlen(answer), size - strlen(answer), " %s", name);
		}
		if (strcmp(name, "console") == 0)
			service_signal(service, "HUP"); /* its SSH server reads its settings */
	}
	return 0;
}

void configure_again(struct supervisor *supervisor, char *answer, size_t size)
{
	struct configured *state = &supervisor->configured;
	struct error err = ERROR_INIT;

	state->user_docker[0] = '\0';
	configure(supervisor);
	if (resolv_update(&supervisor->names, -1, PATH_NETIF "/state", PATH_RESOLV_CONF, &err) < 0)
		report_console(&supervisor->report, "error: %s", err.message);
	snprintf(answer, size, "ok");
	if (restart_changed(supervisor, state->network_changed, state->ntp_changed, answer, size) <
	    0)
		snprintf(answer, size, "error out of memory");
	report_changed(&supervisor->report);
}

/* The commands may take long, and the loop waits for nobody: a process of their own. */
static void start_runcmd(struct supervisor *supervisor)
{
	static char *const argv[] = {(char *)"/proc/self/exe", (char *)"--runcmd", NULL};
	struct configured *state = &supervisor->configured;
	const struct config_node *list = config_get(&state->config, "runcmd");
	_cleanup_fd_ int null = -1;

	state->runcmd_begun = true;
	if (!list || list->count == 0 || !first_time("runcmd"))
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (run_start(argv, null, &state->runcmd_pid) < 0) {
		state->runcmd_pid = 0;
		snprintf(state->runcmd, sizeof(state->runcmd), "runcmd cannot be run");
	}
}

static void end_runcmd(struct supervisor *supervisor)
{
	struct configured *state = &supervisor->configured;
	int status = 0;

	if (waitpid(state->runcmd_pid, &status, WNOHANG) == 0)
		return;
	state->runcmd_pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(state->runcmd, sizeof(state->runcmd),
			 "runcmd: a command failed (" RUNCMD_LOG ")");
	configure_remark(supervisor);
}

/* Its options are to blame, or will be found not to be. */
static void rescue_user_docker(struct supervisor *supervisor, uint64_t now)
{
	struct configured *state = &supervisor->configured;
	struct service *service = supervisor->user_docker.service;
	bool refuses = service->state == SERVICE_RUNNING;
	char why[160];

	if (!user_docker_is_of_no_use(&supervisor->user_docker, now) ||
	    !docker_options_drop(&state->docker, user_docker_spec(supervisor), why, sizeof(why)) ||
	    supervisor_describe(service, NULL) < 0)
		return;
	service_restart(service, now);
	snprintf(state->user_docker, sizeof(state->user_docker),
		 "proa.docker: user Docker does not %s with these options, and runs without "
		 "them%s%s",
		 refuses ? "answer" : "start", why[0] ? ": " : "", why);
	report_console(&supervisor->report, "error: %s", state->user_docker);
	configure_remark(supervisor);
}

void configure_step(struct supervisor *supervisor, uint64_t now)
{
	struct configured *state = &supervisor->configured;

	if (supervisor->stopping)
		return;
	if (state->mounts_ms > 0 && now >= state->mounts_ms)
		mount_all(supervisor);
	look_at_mounts(supervisor, 0);
	rescue_user_docker(supervisor, now);
	if (!state->runcmd_begun && supervisor->user_docker.answers)
		start_runcmd(supervisor);
	if (state->runcmd_pid > 0)
		end_runcmd(supervisor);
}

int configure_mounts(void)
{
	_cleanup_whole_config_ struct config config = {0};
	struct error err = ERROR_INIT;
	char said[256];
	bool again;

	if (config_load(&config_of_this_machine, &config, &err) < 0) {
		printf("mounts: %s\n", err.message);
		return EXIT_DONE;
	}
	mounts_apply(&config, said, sizeof(said), &again);
	printf("%s\n", said);
	return again ? MOUNTS_AGAIN : EXIT_DONE;
}

int configure_runcmd(void)
{
	_cleanup_whole_config_ struct config config = {0};
	struct reporter reporter;
	struct error err = ERROR_INIT;
	size_t before;
	int r = config_load(&config_of_this_machine, &config, &err);

	report_open(&reporter);
	before = config.problems.count;
	if (r == 0)
		r = commands_run(&config, "runcmd", RUNCMD_LOG, 0);
	if (r < 0)
		report_console(&reporter, "error: runcmd: %s",
			       err.message[0] ? err.message : strerror(-r));
	for (size_t i = before; i < config.problems.count; i++)
		report_console(&reporter, "error: %s, line %u: runcmd: %s",
			       config.problems.items[i].at.source, config.problems.items[i].at.line,
			       config.problems.items[i].text);
	return r == 0 && config.problems.count == before ? EXIT_DONE : EXIT_FAILED;
}
