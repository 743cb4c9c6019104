#include "init/supervise/daemons.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "init/say.h"
#include "init/supervise/child.h"
#include "init/supervise/docker_args.h"
#include "init/supervise/loop.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

#define SEED_MARK  "/var/lib/system-docker/.seed"
#define SERVICES   "/usr/lib/proa/proa-services"
#define CONTAINERD "/run/containerd/containerd.sock"

enum {
	STOP_SERVICES_MS = 90 * 1000, /* user containers have 10 s each, and stop side by side */
	STOP_DOCKER_MS = 15 * 1000,
	STOP_CONTAINERD_MS = 5 * 1000,
	SEED_AGAIN_MS = 5 * 1000,
	OPTIONS_TRIES = 2, /* so often it may end soon, before they are left out */
	OPTIONS_SOON_MS = 120 * 1000,
	OPTIONS_ANSWER_MS = 30 * 1000, /* so long it has had, to answer with them */
};

/*
 * Go lets a heap grow to twice of what lives in it before it collects; these live for the
 * machine's whole life and have little to do in it, so half of that is enough. The shims
 * inherit it from containerd.
 */
static const char *const go_environment[] = {CHILD_PATH, "GOGC=50", NULL};

static void docker_restarting(struct child *child, uint64_t ran_ms);

/* The kernel's out-of-memory killer takes what a person's containers run before these. */
static struct child containerd = {
	.name = "containerd",
	.argv = {"containerd", "--log-level=warn", NULL},
	.environment = go_environment,
	.oom_score_adj = -900,
	.wanted = true,
};

static struct child docker = {
	.name = "system-docker",
	.argv =
		{
			"dockerd",
			"--data-root=/var/lib/system-docker",
			"--exec-root=/run/system-docker",
			"--pidfile=/run/system-docker.pid",
			"--host=unix:///run/system-docker.sock",
			"--containerd=" CONTAINERD,
			"--containerd-namespace=system",
			"--containerd-plugins-namespace=plugins.system",
			"--cgroup-parent=/system",
			"--exec-opt=native.cgroupdriver=cgroupfs",
			"--storage-driver=overlay2",
			"--config-file=/usr/lib/proa/system-docker.json", /* no
									     containerd-snapshotter
									   */
			"--bridge=none",
			"--iptables=false",
			"--ip6tables=false",
			"--userland-proxy=false",
			"--live-restore",
			"--log-driver=local", /* bounded, unlike json-file */
			"--log-level=warn",
			NULL,
		},
	.environment = go_environment,
	.oom_score_adj = -800,
	.wanted = true,
	.restarting = docker_restarting,
};

static struct child services = {
	.name = "proa-services",
	.argv = {SERVICES, NULL},
	.oom_score_adj = -800,
	.wanted = true,
};

static void seed_ended(struct child *child, int status);
static struct child seed = {
	.name = "seed",
	.argv = {SERVICES, "--seed", NULL},
	.ended = seed_ended,
};

static void add_argument(struct child *child, const char *argument)
{
	size_t i = 0;

	while (child->argv[i])
		i++;
	if (i + 1 < CHILD_ARGUMENTS_MAX) {
		child->argv[i] = argument;
		child->argv[i + 1] = NULL;
	}
}

/* Of the configuration. Without System Docker there is no machine: they have two chances. */
static struct docker_args options;
static const char *docker_environment[DOCKER_ARGS_MAX + 3];
static size_t own_arguments; /* of System Docker's, before they were added */
static unsigned int ended_soon;
static struct gate *gate;

static void add_options(void)
{
	size_t count = 0;

	docker_args_read(DOCKER_ARGS_PATH, &options);
	while (docker.argv[own_arguments])
		own_arguments++;
	for (size_t i = 0; i < options.arguments_count; i++)
		add_argument(&docker, options.arguments[i]);
	while (go_environment[count]) {
		docker_environment[count] = go_environment[count];
		count++;
	}
	for (size_t i = 0; i < options.environment_count; i++)
		docker_environment[count++] = options.environment[i];
	docker.environment = docker_environment;
}

static bool has_options(void)
{
	return options.arguments_count + options.environment_count > 0;
}

/* From its next start on. */
static void drop_options(const char *reason)
{
	gate_degraded(gate, reason);
	docker.argv[own_arguments] = NULL;
	docker.environment = go_environment;
	options = (struct docker_args){0};
}

static void kill_docker(void *context)
{
	(void)context;
	child_signal(&docker, SIGKILL);
}

static void docker_restarting(struct child *child, uint64_t ran_ms)
{
	(void)child;
	loop_cancel(kill_docker, NULL);
	if (!has_options())
		return;
	ended_soon = ran_ms < OPTIONS_SOON_MS ? ended_soon + 1 : 0;
	if (ended_soon >= OPTIONS_TRIES)
		drop_options("System Docker does not start with the options of "
			     "proa.system_docker, and runs without them: " CHILD_LOG_FOLDER
			     "/system-docker tells why");
}

bool daemons_without_options(void)
{
	if (!has_options() || docker.pid == 0 ||
	    console_now_ms() - docker.started_ms < OPTIONS_ANSWER_MS)
		return false;
	drop_options("System Docker does not answer with the options of proa.system_docker, and "
		     "runs without them");
	child_signal(&docker, SIGTERM);
	(void)loop_after(STOP_DOCKER_MS, kill_docker, NULL);
	return true;
}

static void try_seed(void *context)
{
	(void)context;
	child_start(&seed);
}

static void seed_ended(struct child *child, int status)
{
	(void)child;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		child_start(&docker);
		return;
	}
	say("error: System Docker's data root cannot be prepared, see " CHILD_LOG_FOLDER "/seed");
	(void)loop_after(SEED_AGAIN_MS, try_seed, NULL);
}

/* Does the mark hold the root hash of the release that runs? */
static bool is_seeded(const struct facts *facts)
{
	char mark[FACTS_TEXT_SIZE] = "";
	_cleanup_fd_ int fd = open(SEED_MARK, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || io_read_full(fd, mark, sizeof(mark) - 1) <= 0)
		return false;
	mark[strcspn(mark, "\n")] = '\0';
	return strcmp(mark, facts->root_hash) == 0;
}

void daemons_start(struct gate *of_machine)
{
	const struct facts *facts = of_machine->facts;

	gate = of_machine;
	if (access("/usr/bin/crun", X_OK) == 0) { /* half of runc's time, an eighth of its memory */
		add_argument(&docker, "--add-runtime=crun=/usr/bin/crun");
		add_argument(&docker, "--default-runtime=crun");
	}
	if (facts->debug)
		add_argument(&docker, "--debug");
	add_options();
	child_start(&containerd);
	if (is_seeded(facts))
		child_start(&docker);
	else
		child_start(&seed);
	child_start(&services);
}

static void stop(struct child *child, uint64_t timeout_ms)
{
	child->wanted = false;
	child_signal(child, SIGTERM);
	if (child_wait(child, timeout_ms))
		return;
	say("error: %s does not stop; it is killed", child->name);
	child_signal(child, SIGKILL);
	(void)child_wait(child, 1000);
}

void daemons_stop(void)
{
	loop_cancel(try_seed, NULL);
	stop(&services, STOP_SERVICES_MS);
	stop(&docker, STOP_DOCKER_MS);
	stop(&containerd, STOP_CONTAINERD_MS);
}
