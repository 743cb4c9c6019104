/*
 * proa-services: the service manager, a child of PID 1. Runs the services of
 * one file as containers of System Docker, watches them, and speaks the health
 * gate's verdict. docs/services.md tells how to write a service.
 */
#include <signal.h>
#include <stdio.h>

#include "init/services/configure.h"
#include "init/services/paths.h"
#include "init/services/seed.h"
#include "init/services/supervisor.h"
#include "lib/command.h"
#include "lib/console.h"

static int run_services(const char *path, bool check)
{
	/* Static: it is large, and there is one. */
	static struct supervisor supervisor = {.system_socket = PATH_SYSTEM_DOCKER,
					     .control = CONTROL_INIT};
	struct error err = ERROR_INIT;
	int r = services_file_read(path, &supervisor.file, &err);

	if (check) {
		if (r < 0)
			fprintf(stderr, "proa-services: %s\n", err.message);
		else
			services_file_free(&supervisor.file);
		return r < 0 ? EXIT_FAILED : EXIT_DONE;
	}
	report_open(&supervisor.report);
	if (r == 0) {
		supervisor.loop = docker_loop_new(&err);
		r = supervisor.loop ? supervisor_run(&supervisor, &err) : -1;
	}
	if (r < 0)
		report_console(&supervisor.report, "error: proa-services: %s", err.message);
	docker_loop_free(supervisor.loop);
	services_file_free(&supervisor.file);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
	const char *file = PATH_SERVICES_FILE;
	const char *data = NULL;
	bool seed = false, check = false, mounts = false, runcmd = false, read_boot = false;
	const struct option options[] = {
		{'f', "file", "FILE", OPTION_STRING, &file, "the services file"},
		{0, "check", NULL, OPTION_FLAG, &check, "read the services file, and no more"},
		{0, "mounts", NULL, OPTION_FLAG, &mounts,
		 "mount the configuration's mounts, and no more"},
		{0, "runcmd", NULL, OPTION_FLAG, &runcmd,
		 "run the configuration's runcmd, and no more"},
		{0, "read-boot", NULL, OPTION_FLAG, &read_boot,
		 "read the slot's kernel and initramfs, and no more"},
		{0, "docker-data", "prepare|restore", OPTION_STRING, &data,
		 "copy user Docker's data where they are an older release's, or put the copy back, "
		 "and no more"},
		{0, "seed", NULL, OPTION_FLAG, &seed, "prepare System Docker's store, and no more"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa-services",
		.operands = "[OPTIONS]",
		.summary = "Runs the system services as containers of System Docker.",
	};
	struct error err = ERROR_INIT;
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);
	if (r >= 0)
		return r;
	if (mounts)
		return configure_mounts();
	if (runcmd)
		return configure_runcmd();
	if (read_boot)
		return judge_read_boot();
	if (data)
		return user_data_work(data);
	if (!seed)
		return run_services(file, check);
	r = seed_run(SEED_SOURCE, SEED_TARGET, &seed_other_slot, &err);
	if (r < 0)
		fprintf(stderr, "proa-services: cannot prepare %s: %s\n", SEED_TARGET, err.message);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
