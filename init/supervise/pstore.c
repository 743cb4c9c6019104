#include "init/supervise/pstore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/say.h"
#include "init/supervise/child.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

#define FOLDER "/sys/fs/pstore"

enum {
	RECORD_LIMIT = 1 << 20,
	FILE_LIMIT = 1 << 20, /* then it becomes crash.1 */
	KEPT = 10,            /* exit status: there was something */
};

/* Returns a descriptor to write to the end of, or a negative errno. */
static int open_kept(void)
{
	struct stat status;
	int fd = io_open_regular(AT_FDCWD, PSTORE_KEPT, O_WRONLY | O_APPEND | O_CREAT, 0600);

	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size <= FILE_LIMIT ||
	    rename(PSTORE_KEPT, PSTORE_KEPT ".1") < 0)
		return fd;
	close(fd);
	return io_open_regular(AT_FDCWD, PSTORE_KEPT, O_WRONLY | O_APPEND | O_CREAT, 0600);
}

/* Returns whether it is on the disk: only then may the firmware forget it. */
static bool keep(int folder, const char *name)
{
	_cleanup_fd_ int from = openat(folder, name, O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int to = open_kept();
	_cleanup_free_ char *text = NULL;
	struct error err = ERROR_INIT;
	size_t size;

	if (from < 0 || io_read_fd(from, name, RECORD_LIMIT, &text, &size, &err) < 0) {
		printf("%s: %s\n", name, from < 0 ? "cannot be opened" : err.message);
		return false;
	}
	return to >= 0 && dprintf(to, "==== %s\n", name) > 0 &&
	       io_write_full(to, text, size) == 0 && io_write_full(to, "\n", 1) == 0 &&
	       fsync(to) == 0 && io_sync_parent(PSTORE_KEPT, NULL) == 0;
}

/* In the child; its output is the log "pstore". */
static int harvest(void)
{
	_cleanup_dir_ DIR *folder = NULL;
	struct dirent *entry;
	int kept = 0;

	/* EBUSY: it is there already; without a pstore in the kernel there is no folder. */
	if (mount("pstore", FOLDER, "pstore", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
	    errno != EBUSY)
		return 0;
	folder = opendir(FOLDER);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		if (!keep(dirfd(folder), entry->d_name)) {
			printf("%s stays in " FOLDER "\n", entry->d_name);
			continue;
		}
		/* Its room in the firmware is small, and the next crash wants it. */
		if (unlinkat(dirfd(folder), entry->d_name, 0) < 0)
			printf("%s cannot be removed\n", entry->d_name);
		kept = KEPT;
	}
	return kept;
}

static void harvested(struct child *child, int status)
{
	(void)child;
	if (WIFEXITED(status) && WEXITSTATUS(status) == KEPT)
		say("the kernel's own record of a crash is in " PSTORE_KEPT);
}

void pstore_harvest(void)
{
	static struct child harvester = {.name = "pstore", .run = harvest, .ended = harvested};

	if (harvester.started_ms == 0)
		child_start(&harvester);
}
