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

/* A pipe in the file's place must not hold anything up. */
static FILE *open_kept(void)
{
	struct stat status;
	FILE *out;
	int fd = open(PSTORE_KEPT,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (status.st_size > FILE_LIMIT && rename(PSTORE_KEPT, PSTORE_KEPT ".1") == 0) {
		close(fd);
		return open_kept();
	}
	out = fdopen(fd, "a");
	if (!out)
		close(fd);
	return out;
}

/* Returns whether it is on the disk. */
static bool keep(int folder, const char *name)
{
	_cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	FILE *out;
	struct error err = ERROR_INIT;
	size_t size;
	bool kept;

	if (fd < 0 || io_read_fd(fd, name, RECORD_LIMIT, &text, &size, &err) < 0) {
		printf("%s: %s\n", name, fd < 0 ? "cannot be opened" : err.message);
		return false;
	}
	out = open_kept();
	if (!out)
		return false;
	fprintf(out, "==== %s\n", name);
	fwrite(text, 1, size, out);
	fputc('\n', out);
	kept = fflush(out) == 0 && fsync(fileno(out)) == 0;
	return fclose(out) == 0 && kept;
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
