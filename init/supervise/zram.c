#include "init/supervise/zram.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/boot/modules.h"
#include "init/supervise/child.h"
#include "init/supervise/loop.h"
#include "init/supervise/stop.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define DEVICE   "/dev/zram0"
#define SETTINGS "/sys/block/zram0/"

enum {
	REST_MS = 60 * 1000,
	COMPACT_MS = 150 * 1000, /* behind the former */
	PRIORITY = 100,          /* above a swap on a disk, which has -1 and below by default */
	PIECE = 4 << 20,         /* bytes that the kernel is asked for at once */
};

static int write_file(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : io_write_full(fd, text, strlen(text));
}

/* Says what went wrong, if anything did: the output is the child's log. */
static int told(int r, const char *what)
{
	if (r < 0)
		printf("%s: %s\n", what, strerror(-r));
	return r;
}

static int run_mkswap(void)
{
	char *const argv[] = {"mkswap", "--quiet", DEVICE, NULL};
	char *const environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};
	pid_t pid;
	int status;
	int r = posix_spawn(&pid, "/usr/sbin/mkswap", NULL, NULL, argv, environment);

	if (r != 0)
		return -r;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EIO;
}

static int set_size(void)
{
	struct sysinfo memory;
	char half[24];

	if (sysinfo(&memory) < 0)
		return -errno;
	snprintf(half, sizeof(half), "%llu",
		 (unsigned long long)memory.totalram * memory.mem_unit / 2);
	return write_file(SETTINGS "disksize", half);
}

static int make_swap(void)
{
	_cleanup_modules_ struct modules *modules = NULL;
	struct error err = ERROR_INIT;

	if (modules_open_running(&modules, &err) < 0 || modules_load(modules, "zram", &err) < 0) {
		printf("%s\n", err.message);
		return 1;
	}
	if (told(set_size(), "cannot give " DEVICE " a size") < 0 ||
	    told(run_mkswap(), "mkswap " DEVICE) < 0 ||
	    told(swapon(DEVICE, SWAP_FLAG_PREFER | PRIORITY) < 0 ? -errno : 0,
		 "cannot swap on " DEVICE) < 0)
		return 1;
	/* Nothing is gained by reading neighbours along: there is no head to move. */
	(void)told(write_file("/proc/sys/vm/page-cluster", "0"), "vm.page-cluster");
	return 0;
}

/*
 * Asks for as much as a cgroup's anonymous memory (cgroup-v2.rst, memory.reclaim), in small
 * pieces, up to the first that the kernel does not find: pressed for more, it would drop
 * the programs' own pages too. What is in use comes back at once.
 */
static int reclaim(const char *name)
{
	_cleanup_free_ char *stat = NULL;
	unsigned long long anonymous;
	char path[64], order[64];
	size_t size;
	int r = 0;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/memory.stat", name);
	r = io_read_file(path, 1 << 16, &stat, &size, NULL);
	if (r < 0)
		return r;
	if (sscanf(stat, "anon %llu", &anonymous) != 1)
		return -EBADMSG;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/memory.reclaim", name);
	snprintf(order, sizeof(order), "%d swappiness=200", PIECE);
	for (unsigned long long asked = 0; asked < anonymous && r == 0; asked += PIECE)
		r = write_file(path, order);
	return r == -EAGAIN ? 0 : r;
}

static int rest(void)
{
	return (told(reclaim("proa"), "proa") | told(reclaim("system"), "system")) < 0;
}

static int compact(void)
{
	return told(write_file(SETTINGS "compact", "1"), "cannot compact " DEVICE) < 0;
}

static void start(void *context)
{
	if (stop_requested() == STOP_NONE)
		child_start(context);
}

static void made(struct child *child, int status)
{
	static struct child rester = {.name = "zram", .run = rest};
	static struct child compacter = {.name = "zram", .run = compact};

	(void)child;
	if (status != 0)
		return; /* without a swap there is nowhere to move anything */
	(void)loop_after(REST_MS, start, &rester);
	/* Go looks through its heap every two minutes: that part comes back, and leaves holes. */
	(void)loop_after(REST_MS + COMPACT_MS, start, &compacter);
}

void zram_start(void)
{
	static struct child maker = {.name = "zram", .run = make_swap, .ended = made};

	child_start(&maker);
}
