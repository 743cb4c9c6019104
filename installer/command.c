#include "installer/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bootloader/args.h"
#include "installer/cloudconfig.h"
#include "installer/confirm.h"
#include "installer/efi_entry.h"
#include "installer/install.h"
#include "installer/partition.h"
#include "installer/refuse.h"
#include "installer/report.h"
#include "installer/state.h"
#include "lib/ask.h"
#include "lib/cleanup.h"
#include "lib/size.h"
#include "lib/trust.h"

/* What the person asked for. */
struct request {
	const char *disk, *bundle, *config, *slot_size, *sector_size, *append;
	struct option_list keys;
	bool yes, force, dry_run, json;
	uint64_t slot_bytes;
	uint32_t sector_bytes;
};

/* What is opened and read on the way; released by one cleanup. */
struct work {
	struct refuse_facts facts;
	struct trust trust;
	struct plan plan;
	struct install install;
	struct refuse_hold hold;
	int bundle_fd;
	struct bundle *bundle;
	char *config;
	size_t config_size;
};

static void work_free(struct work **work)
{
	if (!*work)
		return;
	bundle_close((*work)->bundle);
	cleanup_fd(&(*work)->hold.guard);
	cleanup_fd(&(*work)->hold.fd);
	if ((*work)->bundle_fd > STDIN_FILENO)
		close((*work)->bundle_fd);
	free((*work)->config);
	free(*work);
}

static const struct option_usage usage = {
	.command = "proa install",
	.operands = "-d DISK -b BUNDLE [OPTIONS]",
	.summary = "Installs Proa on a disk; everything that the disk holds is lost.",
	.notes = "DISK is a device (/dev/sda) or a plain file of the disk's size (truncate -s 8G\n"
		 "disk.img), which needs no root. See proa-install(8) for keys and exit codes.",
};

/* Whatever is wrong here is the command line's fault. */
static int check_request(struct request *request, struct error *err)
{
	int r;

	if (!request->disk)
		return error_set(err, -EINVAL,
				 "which disk? give -d DISK (\"lsblk -d\" lists them)");
	if (!request->bundle)
		return error_set(err, -EINVAL,
				 "which release? give -b BUNDLE, or -b - to read "
				 "one from standard input");
	if (request->slot_size) {
		r = size_parse(request->slot_size, &request->slot_bytes);
		if (r < 0 || request->slot_bytes == 0)
			return error_set(err, -EINVAL,
					 "--slot-size %s is no size; write 2G or 1536M",
					 request->slot_size);
	}
	if (request->sector_size) {
		if (strcmp(request->sector_size, "512") == 0)
			request->sector_bytes = 512;
		else if (strcmp(request->sector_size, "4096") == 0)
			request->sector_bytes = 4096;
		else
			return error_set(err, -EINVAL, "--sector-size is 512 or 4096, not %s",
					 request->sector_size);
	}
	if (!request->append)
		request->append = "";
	r = args_check(request->append, err);
	if (r < 0)
		return error_wrap(err, r, "--append");
	if (strcmp(request->bundle, "-") == 0 && isatty(STDIN_FILENO))
		return error_set(err, -EINVAL,
				 "-b - reads a bundle from standard input, and that "
				 "is your terminal");
	return 0;
}

static int parse(int argc, char **argv, struct request *request, struct error *err)
{
	const struct option options[] = {
		{'d', "disk", "DISK", OPTION_STRING, &request->disk,
		 "the disk to install on: a device or a plain file"},
		{'b', "bundle", "BUNDLE", OPTION_STRING, &request->bundle,
		 "the release; - reads it from standard input"},
		{'c', "cloud-config", "FILE", OPTION_STRING, &request->config,
		 "cloud-config for the machine (YAML)"},
		{0, "key", "FILE", OPTION_LIST, &request->keys,
		 "trust this key: PEM, or a root document (may be repeated)"},
		{0, "slot-size", "SIZE", OPTION_STRING, &request->slot_size,
		 "size of each of the two slots, like 2G"},
		{0, "append", "ARGS", OPTION_STRING, &request->append,
		 "kernel arguments of this machine"},
		{0, "sector-size", "BYTES", OPTION_STRING, &request->sector_size,
		 "for a plain file: 512 (default) or 4096"},
		{'y', "yes", NULL, OPTION_FLAG, &request->yes,
		 "do not ask before using an empty disk"},
		{0, "force", NULL, OPTION_FLAG, &request->force,
		 "destroy the data that the disk holds, without asking"},
		{'n', "dry-run", NULL, OPTION_FLAG, &request->dry_run,
		 "check everything, print the plan, write nothing"},
		{0, "json", NULL, OPTION_FLAG, &request->json, "print the report as JSON"},
		{0},
	};
	int r = options_parse(argc, argv, options, NULL, 0, NULL, err);

	if (r == OPTIONS_HELP) {
		options_help(stdout, &usage, options);
		return OPTIONS_HELP;
	}
	return r < 0 ? r : check_request(request, err);
}

static int load_config(const struct request *request, struct work *work, struct error *err)
{
	_cleanup_problems_ struct config_problems problems = {0};
	int r;

	if (!request->config)
		return 0;
	r = cloudconfig_load(request->config, &work->config, &work->config_size, &problems, err);
	config_problems_print(stderr, &problems);
	return r;
}

/* Everything that reads only. Returns 0 or an exit code. */
static int prepare(const struct request *request, struct work *work, struct error *err)
{
	struct plan_request plan = {.slot_bytes = request->slot_bytes};
	int r;

	if (refuse_gather(request->disk, request->sector_bytes, &work->facts, &work->hold, err) < 0)
		return EXIT_FAILED;
	r = refuse_disk(&work->facts, err);
	if (r != 0)
		return r;
	if (request->sector_bytes && !work->facts.disk.is_file) {
		error_set(err, -EINVAL, "--sector-size is for plain files; %s has its own",
			  request->disk);
		return EXIT_USAGE;
	}
	/* libext2fs takes what stands behind it for options. */
	if (strchr(request->disk, '?')) {
		error_set(err, -EINVAL, "the name %s holds a \"?\"; rename it", request->disk);
		return EXIT_USAGE;
	}
	if (load_config(request, work, err) < 0)
		return REFUSE_CLOUD_CONFIG;
	if (trust_load(&request->keys, &work->trust, err) < 0)
		return REFUSE_NO_KEY;
	if (state_check_tools(err) < 0)
		return EXIT_FAILED;

	work->bundle_fd = strcmp(request->bundle, "-") == 0
				  ? STDIN_FILENO
				  : open(request->bundle, O_RDONLY | O_CLOEXEC);
	if (work->bundle_fd < 0) {
		error_errno(err, "cannot open the bundle %s", request->bundle);
		return EXIT_FAILED;
	}
	r = bundle_open(work->bundle_fd, &work->trust.ring, &work->bundle, err);
	if (r < 0) {
		error_wrap(err, r, "bundle %s", request->bundle);
		return refuse_bundle_exit(r);
	}
	plan.disk_bytes = work->facts.disk.size_bytes;
	plan.sector_bytes = work->facts.disk.sector_bytes;
	plan.image_bytes = bundle_head(work->bundle)->manifest.image_size;
	r = plan_make(&plan, &work->plan, err);
	if (r < 0) {
		error_wrap(err, r, "%s", request->disk);
		return refuse_plan_exit(r);
	}
	return 0;
}

/* Shows, and asks where nobody has answered yet. Returns 0 or an exit code. */
static int agree(const struct request *request, const struct work *work, struct error *err)
{
	const struct blockdev *disk = &work->facts.disk;
	char question[BLOCKDEV_NAME_SIZE + 128];
	bool data = content_is_data(&work->facts.content);
	int answer;

	confirm_show_disk(stderr, disk, &work->facts.content);
	confirm_show_plan(stderr, &work->plan, &bundle_head(work->bundle)->manifest);
	if (!cloudconfig_lets_in(work->config, work->config_size, request->append))
		fprintf(stderr, "proa install: warning: nobody will be able to log in: give "
				"ssh_authorized_keys, proa.password or proa.autologin in a "
				"cloud-config (-c)\n");
	if (request->force || (!data && (request->yes || request->dry_run)))
		return 0;
	if (data && request->dry_run)
		return refuse_data(&work->facts, false, err);
	if (data)
		snprintf(question, sizeof(question),
			 "All of this will be lost. To go on, type the disk's name (%s): ",
			 disk->name);
	else
		snprintf(question, sizeof(question), "Install on %s? Type yes: ", disk->name);
	answer = ask_terminal(question, data ? disk->name : "yes");
	if (answer > 0)
		return 0;
	if (answer == -ENOTTY && data)
		return refuse_data(&work->facts, false, err);
	error_set(err, -EPERM,
		  answer == -ENOTTY ? "there is no terminal to ask at; give --yes"
				    : "not confirmed; nothing was written");
	return EXIT_REFUSED;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Lets go of the disk, so that the kernel can read its new table. Never fatal. */
static void announce(struct work *work, char *efi_entry, size_t size)
{
	const struct blockdev *disk = &work->facts.disk;
	struct error err = ERROR_INIT;

	efi_entry[0] = '\0';
	if (disk->is_file)
		return;
	close(fd_take(&work->hold.guard));
	close(fd_take(&work->hold.fd));
	/* A loop device without partitions of its own says -EINVAL: nothing to announce. */
	if (partition_announce(disk->path, &err) < 0 && err.code != -EINVAL)
		fprintf(stderr, "proa install: warning: %s\n", err.message);
	if (efi_entry_add(disk, &work->install.partitions[LAYOUT_ESP - 1], work->plan.sector_bytes,
			  efi_entry, size, &err) < 0)
		fprintf(stderr,
			"proa install: note: no firmware boot entry was made (%s); the firmware "
			"finds the disk by itself\n",
			err.message);
}

static int run(const struct request *request, struct work *work, struct error *err)
{
	struct install *install = &work->install;
	char efi_entry[INSTALL_EFI_TEXT_SIZE] = "";
	double started = now();

	*install = (struct install){
		.disk = &work->facts.disk,
		.hold = &work->hold,
		.plan = &work->plan,
		.bundle = work->bundle,
		.root_number = work->trust.root.number,
		.append = request->append,
		.config = work->config,
		.config_size = work->config_size,
		.progress = stderr,
	};
	if (!request->dry_run) {
		int r = install_run(install, err);

		if (r < 0) {
			error_wrap(err, r, "%s",
				   "the installation stopped half way, and the disk does not boot "
				   "now; run proa install again");
			return install->bundle_result < 0 ? refuse_bundle_exit(r) : EXIT_FAILED;
		}
		announce(work, efi_entry, sizeof(efi_entry));
	}
	if (request->json) {
		int r = report_json(stdout, install, efi_entry[0] ? efi_entry : NULL,
				    now() - started);

		if (r == 0)
			return EXIT_DONE;
		error_set(err, r, "cannot write the report (%s): %s",
			  install->touched ? "Proa is installed" : "nothing was written",
			  strerror(-r));
		return EXIT_FAILED;
	}
	report_people(stdout, install, efi_entry[0] ? efi_entry : NULL);
	return EXIT_DONE;
}

/* Wrong usage is found before all options are read, --json among them. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int install_command(int argc, char **argv)
{
	struct request request = {0};
	struct error err = ERROR_INIT;
	__attribute__((cleanup(work_free))) struct work *work = calloc(1, sizeof(*work));
	int r = parse(argc, argv, &request, &err);

	if (r == OPTIONS_HELP)
		return EXIT_DONE;
	if (r < 0) {
		fprintf(stderr, "proa install: %s\n\"proa install --help\" tells more\n",
			err.message);
		if (wants_json(argc, argv))
			report_json_failure(stdout, EXIT_USAGE, err.message, false);
		return EXIT_USAGE;
	}
	if (!work) {
		fprintf(stderr, "proa install: out of memory\n");
		return EXIT_FAILED;
	}
	work->hold = (struct refuse_hold){.fd = -1, .guard = -1};
	work->bundle_fd = -1;
	r = prepare(&request, work, &err);
	if (r == 0)
		r = agree(&request, work, &err);
	if (r == 0)
		r = run(&request, work, &err);
	if (r == EXIT_DONE)
		return EXIT_DONE;
	fprintf(stderr, "proa install: %s\n", err.message);
	if (request.json)
		report_json_failure(stdout, r, err.message, work->install.touched);
	return r;
}
