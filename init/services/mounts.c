#include "init/services/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/services/run.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/folder.h"
#include "lib/io.h"

#define MOUNTS "/proc/self/mounts"
#define SWAPS  "/proc/swaps"

/* Fields of fstab(5). */
struct mount {
	const char *device, *folder, *type, *options;
	char path[PATH_MAX]; /* the folder, without links, dots and slashes at its end */
	int fd;              /* of the folder; -1: it has none */
};

static const char *field(const struct config_node *item, size_t index, const char *otherwise)
{
	const struct config_node *child = index < item->count ? &item->children[index] : NULL;

	return child && child->text && *child->text ? child->text : otherwise;
}

/* Options are words between commas. */
static bool has_option(const char *options, const char *wanted)
{
	size_t length = strlen(wanted);

	for (const char *at = options; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == length && strncmp(at, wanted, length) == 0)
			return true;
	return false;
}

static bool is_swap(const struct mount *mount)
{
	return strcmp(mount->type, "swap") == 0 || strcmp(mount->folder, "swap") == 0;
}

static bool is_mounted(const struct mount *mount)
{
	FILE *table = setmntent(MOUNTS, "re");
	const struct mntent *entry;
	bool found = false;

	while (table && !found && (entry = getmntent(table)))
		found = strcmp(entry->mnt_dir, mount->path) == 0;
	if (table)
		endmntent(table);
	return found;
}

static bool is_swapped_on(const char *device)
{
	_cleanup_free_ char *text = NULL;
	size_t size, length = strlen(device);

	if (io_read_file(SWAPS, 64 << 10, &text, &size, NULL) < 0)
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, device, length) == 0 &&
		    (line[length] == ' ' || line[length] == '\t'))
			return true;
	}
	return false;
}

/* Nothing of the system's own may disappear beneath another file system. */
static bool is_reserved(const char *folder)
{
	static const char *const own[] = {
		"/bin",  "/boot",  "/dev",  "/etc",          "/layers",
		"/lib",  "/lib64", "/proc", "/run/proa",     "/sbin",
		"/seed", "/sys",   "/usr",  "/var/lib/proa", "/var/lib/system-docker"};
	static const char *const themselves[] = {"/", "/run", "/tmp", "/var", "/var/lib"};

	for (size_t i = 0; i < sizeof(themselves) / sizeof(themselves[0]); i++)
		if (strcmp(folder, themselves[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		size_t length = strlen(own[i]);

		if (strncmp(folder, own[i], length) == 0 &&
		    (folder[length] == '\0' || folder[length] == '/'))
			return true;
	}
	return false;
}

/* LABEL=, UUID= and the like are mount's business: it looks through all disks. */
static bool is_absent(const struct mount *mount)
{
	return strncmp(mount->device, "/dev/", 5) == 0 && access(mount->device, F_OK) < 0;
}

static int run_swapon(const struct mount *mount, char *words, size_t size)
{
	char *const argv[] = {(char *)"/usr/sbin/swapon", (char *)"-o",
			      (char *)mount->options,     (char *)"--",
			      (char *)mount->device,      NULL};

	return run_program(argv, RUN_PROGRAM_MS, words, size);
}

/*
 * On the folder's descriptor: whoever may write to a folder of its path could put a link there
 * meanwhile. The dot, because mount(8) does not follow the last link (move_mount(2)).
 */
static int run_mount(const struct mount *mount, char *words, size_t size)
{
	_cleanup_free_ char *options = NULL;
	char target[32];

	snprintf(target, sizeof(target), "/proc/self/fd/%d/.", mount->fd);
	if (asprintf(&options, "%s,X-mount.nocanonicalize=target", mount->options) < 0) {
		options = NULL;
		return -ENOMEM;
	}
	return run_program((char *const[]){(char *)"/usr/bin/mount", (char *)"-t",
					   (char *)mount->type, (char *)"-o", options, (char *)"--",
					   (char *)mount->device, target, NULL},
			   RUN_PROGRAM_MS, words, size);
}

/*
 * Makes the folder, and finds its one name: /mnt/a/ is /mnt/a, and a link may lead into the
 * system's own. Returns 0 or -1, and says why.
 */
static int find_folder(struct mount *mount, char *said, size_t size)
{
	struct error err = ERROR_INIT;
	char self[32];
	ssize_t length;

	if (mount->folder[0] != '/' || is_reserved(mount->folder)) {
		snprintf(said, size, "mounts: %s is the system's own, or no absolute path",
			 mount->folder);
		return -1;
	}
	mount->fd = folder_open(mount->folder, &err);
	if (mount->fd < 0) {
		snprintf(said, size, "mounts: %s: %.160s", mount->folder, err.message);
		return -1;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", mount->fd);
	length = readlink(self, mount->path, sizeof(mount->path) - 1);
	mount->path[length > 0 ? length : 0] = '\0';
	if (length <= 0 || is_reserved(mount->path)) {
		snprintf(said, size, "mounts: %s is the system's own", mount->folder);
		return -1;
	}
	/* mount(8) inherits it. */
	return fcntl(mount->fd, F_SETFD, 0);
}

/* Returns whether it is worth to try again later; `said` tells what is wrong, or "". */
static bool apply_one(struct mount *mount, char *said, size_t size)
{
	char words[160];
	int status;

	said[0] = '\0';
	if (has_option(mount->options, "noauto"))
		return false;
	if (is_swap(mount) ? is_swapped_on(mount->device)
			   : find_folder(mount, said, size) < 0 || is_mounted(mount))
		return false;
	if (is_absent(mount)) {
		snprintf(said, size, "mounts: there is no %s", mount->device);
		return true;
	}
	status = is_swap(mount) ? run_swapon(mount, words, sizeof(words))
				: run_mount(mount, words, sizeof(words));
	if (status != 0)
		snprintf(said, size, "mounts: %s at %s: %s", mount->device, mount->folder,
			 status < 0 ? strerror(-status)
			 : *words   ? words
				    : "mount failed");
	/* mount(8): 32 is a failure of the mount, one without its device among them. */
	return status == 32 || (status != 0 && is_swap(mount));
}

int mounts_start(struct mounting *mounting)
{
	static char *const argv[] = {(char *)"/proc/self/exe", (char *)"--mounts", NULL};
	int r;

	mounting->outdated = mounting->pid > 0;
	if (mounting->outdated)
		return 0;
	mounting->said = memfd_create("mounts", MFD_CLOEXEC);
	if (mounting->said < 0)
		return -errno;
	r = run_start(argv, mounting->said, &mounting->pid);
	if (r == 0)
		return 0;
	close(mounting->said);
	mounting->pid = 0;
	return r;
}

bool mounts_ended(struct mounting *mounting, int wait_ms, char *said, size_t size, bool *again)
{
	int status;
	ssize_t got;

	if (!run_wait(mounting->pid, wait_ms, &status))
		return false;
	mounting->pid = 0;
	got = pread(mounting->said, said, size - 1, 0);
	said[got > 0 ? got : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	close(mounting->said);
	*again = status == MOUNTS_AGAIN;
	if (status != 0 && !*again)
		snprintf(said, size, "mounts: the program that mounts them ended badly");
	return true;
}

void mounts_apply(const struct config *config, char *said, size_t size, bool *wait)
{
	const struct config_node *list = config_get(config, "mounts");

	said[0] = '\0';
	*wait = false;
	for (size_t i = 0; list && i < list->count; i++) {
		const struct config_node *item = &list->children[i];
		struct mount mount = {
			.device = field(item, 0, ""),
			.folder = field(item, 1, ""),
			.type = field(item, 2, "auto"),
			.options = field(item, 3, "defaults"),
			.fd = -1,
		};
		char wrong[256];

		if (apply_one(&mount, wrong, sizeof(wrong)))
			*wait = true;
		cleanup_fd(&mount.fd);
		if (wrong[0] && !said[0])
			snprintf(said, size, "%s", wrong);
	}
}
