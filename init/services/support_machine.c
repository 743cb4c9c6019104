/* The machine's own parts of a support bundle. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "bootloader/flipfs.h"
#include "init/services/paths.h"
#include "init/services/status.h"
#include "init/services/support.h"
#include "lib/cleanup.h"
#include "lib/config/emit.h"
#include "lib/config/layers.h"
#include "lib/docker/docker.h"
#include "lib/fields.h"
#include "lib/format/roots.h"
#include "lib/io.h"

enum { FILE_MOST = 1 << 20, KERNEL_LOG_READ = 3, KERNEL_LOG_SIZE = 10 };

int support_print_file(FILE *out, const char *path, size_t most, struct error *err)
{
	/* A pipe or a socket in a file's place is none; O_NONBLOCK: opening it must not wait. */
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	static char piece[64 << 10];
	struct stat about;
	size_t used = 0;

	if (fd < 0 || fstat(fd, &about) < 0)
		return error_errno(err, "cannot open %s", path);
	if (!S_ISREG(about.st_mode))
		return error_set(err, -EINVAL, "%s is no file", path);
	if (about.st_size > (off_t)most && lseek(fd, about.st_size - (off_t)most, SEEK_SET) > 0)
		fprintf(out, "(the last %zu bytes of %lld)\n", most, (long long)about.st_size);
	while (used < most) {
		ssize_t got = read(fd, piece, sizeof(piece));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(err, "cannot read %s", path);
		if (got == 0)
			break;
		fwrite(piece, 1, (size_t)got, out);
		used += (size_t)got;
	}
	return 0;
}

static int print_file(FILE *out, const char *path, struct error *err)
{
	return support_print_file(out, path, FILE_MOST, err);
}

/* What ended in an error is said in its place; the last one is the part's. */
static int print_folder(FILE *out, const char *path, struct error *err)
{
	_cleanup_dir_ DIR *folder = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return error_errno(err, "cannot open %s", path);
	while ((entry = readdir(folder))) {
		char file[512];
		struct stat about;

		snprintf(file, sizeof(file), "%s/%.255s", path, entry->d_name);
		if (lstat(file, &about) < 0 || !S_ISREG(about.st_mode))
			continue;
		fprintf(out, "==== %s\n", file);
		if (print_file(out, file, err) < 0)
			fprintf(out, "%s\n", err->message), r = err->code;
		fputc('\n', out);
	}
	return r;
}

/* Not there before the second boot, or without a state partition. */
static int print_history(FILE *out, const char *path, struct error *err)
{
	int r = print_file(out, path, err);

	if (r != -ENOENT)
		return r;
	fputs("(no former boot is written down)\n", out);
	return 0;
}

/* There only after a crash, or where there is something to run or to check. */
static int print_log(FILE *out, const char *path, struct error *err)
{
	int r = print_file(out, path, err);

	if (r != -ENOENT)
		return r;
	fputs("(not there)\n", out);
	return 0;
}

static int gather(json_t **status, struct error *err)
{
	const struct status_paths paths = {.boot = PATH_BOOT,
					   .services = PATH_STATUS,
					   .upgrades = PATH_UPGRADES,
					   .init_socket = PATH_INIT_SOCKET,
					   .keys = ROOTS_IMAGE,
					   .keys_seen = ROOTS_SEEN};

	return status_gather(&paths, status, err);
}

static int print_status(FILE *out, const char *as_json, struct error *err)
{
	_cleanup_json_ json_t *status = NULL;
	int r = gather(&status, err);

	if (r < 0)
		return r;
	if (as_json)
		json_dumpf(status, out, JSON_INDENT(2));
	else
		status_print(out, status);
	return 0;
}

static int print_config(FILE *out, const char *argument, struct error *err)
{
	_cleanup_whole_config_ struct config config = {0};
	int r = config_load(&config_of_this_machine, &config, err);

	(void)argument;
	if (r < 0)
		return r;
	config_problems_print(out, &config.problems);
	r = config_emit_places(out, &config.tree, CONFIG_MASK_SECRETS);
	return r < 0 ? error_oom(err) : 0;
}

static int print_kernel_log(FILE *out, const char *argument, struct error *err)
{
	int size = klogctl(KERNEL_LOG_SIZE, NULL, 0);
	_cleanup_free_ char *text = size > 0 ? malloc((size_t)size) : NULL;
	int got;

	(void)argument;
	if (!text)
		return error_errno(err, "cannot ask for the kernel's log");
	got = klogctl(KERNEL_LOG_READ, text, size);
	if (got < 0)
		return error_errno(err, "cannot read the kernel's log");
	fwrite(text, 1, (size_t)got, out);
	return 0;
}

/* Block and mirror as they are: one sector each, of text. */
static int print_flip(FILE *out, const char *argument, struct error *err)
{
	static const struct {
		const char *name;
		off_t offset;
	} files[] = {{"block", FLIPFS_BLOCK_OFFSET},
		     {"mirror", FLIPFS_MIRROR_OFFSET},
		     {"kernel arguments", FLIPFS_ARGS_OFFSET}};
	_cleanup_fields_ struct fields boot = {0};
	_cleanup_fd_ int fd = -1;
	const char *device;
	int r = fields_read(PATH_BOOT, &boot, err);

	(void)argument;
	if (r < 0)
		return r;
	device = fields_get(&boot, "flip");
	fd = open(device && *device ? device : "/nonexistent", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open the flip block (%s)", device ? device : "?");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char text[1024];

		r = io_pread_full(fd, text, sizeof(text), (uint64_t)files[i].offset);
		if (r < 0)
			return error_set(err, r, "%s: the %s cannot be read", device,
					 files[i].name);
		fprintf(out, "==== %s\n%.*s\n", files[i].name, (int)sizeof(text), text);
	}
	return 0;
}

static void print_attribute(FILE *out, const char *device, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char path[512];
	size_t size;

	snprintf(path, sizeof(path), "/sys/class/block/%.255s/%s", device, name);
	if (io_read_file(path, 4096, &text, &size, NULL) < 0)
		return;
	for (char *c = text; *c; c++)
		*c = (char)(*c == '\n' && c[1] ? ' ' : *c == '\n' ? '\0' : *c);
	fprintf(out, "  %s=%s\n", name, text);
}

static int print_blocks(FILE *out, const char *argument, struct error *err)
{
	static const char *const names[] = {"size",
					    "ro",
					    "removable",
					    "partition",
					    "uevent",
					    "device/vendor",
					    "device/model",
					    "device/state",
					    "queue/rotational",
					    "queue/logical_block_size",
					    "queue/physical_block_size",
					    "queue/scheduler",
					    "dm/name",
					    "stat"};
	_cleanup_dir_ DIR *folder = opendir("/sys/class/block");
	struct dirent *entry;

	(void)argument;
	if (!folder)
		return error_errno(err, "cannot open /sys/class/block");
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		fprintf(out, "%s\n", entry->d_name);
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			print_attribute(out, entry->d_name, names[i]);
	}
	return 0;
}

static int print_versions(FILE *out, const char *argument, struct error *err)
{
	struct utsname name;

	(void)argument;
	fprintf(out, "proa %s\n", PROA_VERSION);
	if (uname(&name) < 0)
		return error_errno(err, "cannot ask for the kernel's version");
	fprintf(out, "%s %s %s %s\nhost %s\n", name.sysname, name.release, name.version,
		name.machine, name.nodename);
	return print_file(out, "/etc/os-release", err);
}

const struct support_part support_machine_parts[] = {
	{"versions", print_versions, NULL},
	{"status.txt", print_status, NULL},
	{"status.json", print_status, "json"},
	{"history", print_history, "/var/lib/proa/history"},
	{"upgrades", print_log, PATH_UPGRADES},
	{"baseline", print_log, RUNTIME_BASELINE},
	{"crash", print_log, "/var/lib/proa/crash"},
	{"config", print_config, NULL},
	{"flip", print_flip, NULL},
	{"kernel.log", print_kernel_log, NULL},
	{"run-proa", print_folder, "/run/proa"},
	{"run-proa-log", print_folder, "/run/proa/log"},
	{"run-proa-network", print_folder, "/run/proa/network"},
	{"log/syslog", print_log, "/var/log/syslog"},
	{"log/bootcmd", print_log, "/var/log/bootcmd.log"},
	{"log/runcmd", print_log, "/var/log/runcmd.log"},
	{"log/health", print_log, "/var/log/health.log"},
	{"proc/cmdline", print_file, "/proc/cmdline"},
	{"proc/cpuinfo", print_file, "/proc/cpuinfo"},
	{"proc/interrupts", print_file, "/proc/interrupts"},
	{"proc/loadavg", print_file, "/proc/loadavg"},
	{"proc/meminfo", print_file, "/proc/meminfo"},
	{"proc/modules", print_file, "/proc/modules"},
	{"proc/mounts", print_file, "/proc/self/mountinfo"},
	{"proc/partitions", print_file, "/proc/partitions"},
	{"proc/swaps", print_file, "/proc/swaps"},
	{"proc/uptime", print_file, "/proc/uptime"},
	{"blocks", print_blocks, NULL},
	{"network", support_print_network, NULL},
};
const size_t support_machine_count = sizeof(support_machine_parts) / sizeof(*support_machine_parts);
