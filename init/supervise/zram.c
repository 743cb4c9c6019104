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
#include "lib/cleanup.h"
#include "lib/io.h"

#define DEVICE "/dev/zram0"

enum {
	REST_MS = 60 * 1000,
	COMPACT_AFTER_S = 150,
	PRIORITY = 100, /* above a swap on a disk, which has -1 and below by default */
};

static int write_file(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_write_full(fd, text, strlen(text));

	if (r < 0)
		printf("cannot write \"%s\" to %s: %s\n", text, path, strerror(-r));
	return r;
}

static int run_mkswap(void)
{
	char *const argv[] = {"mkswap", "--quiet", DEVICE, NULL};
	char *const environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};
	pid_t pid;
	int status;
	int r = posix_spawn(&pid, "/usr/sbin/mkswap", NULL, NULL, argv, environment);

	if (r != 0) {
		printf("cannot run mkswap: %s\n", strerror(r));
		return -r;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EIO; /* it has said why */
}

/* In the child; its output is the log "zram". */
static int make_swap(void)
{
	_cleanup_modules_ struct modules *modules = NULL;
	struct error err = ERROR_INIT;
	struct sysinfo memory;
	char half[24];

	if (modules_open_running(&modules, &err) < 0 || modules_load(modules, "zram", &err) < 0) {
		printf("%s\n", err.message);
		return 1;
	}
	sysinfo(&memory);
	snprintf(half, sizeof(half), "%llu",
		 (unsigned long long)memory.totalram * memory.mem_unit / 2);
	if (write_file("/sys/block/zram0/disksize", half) < 0 || run_mkswap() < 0)
		return 1;
	/* Nothing is gained by reading neighbours along: there is no head to move. */
	(void)write_file("/proc/sys/vm/page-cluster", "0");
	if (swapon(DEVICE, SWAP_FLAG_PREFER | PRIORITY) < 0) {
		printf("cannot swap on " DEVICE ": %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

/*
 * Asks for all of a cgroup's anonymous memory (cgroup-v2.rst, memory.reclaim); what is in
 * use comes back at once. The kernel says EAGAIN where it has found less.
 */
static void reclaim(const char *name)
{
	_cleanup_free_ char *stat = NULL;
	unsigned long long anonymous;
	char path[64], order[64];
	size_t size;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/memory.stat", name);
	if (io_read_file(path, 1 << 16, &stat, &size, NULL) < 0 ||
	    sscanf(stat, "anon %llu", &anonymous) != 1)
		return;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/memory.reclaim", name);
	snprintf(order, sizeof(order), "%llu swappiness=200", anonymous);
	(void)write_file(path, order);
}

static int rest(void)
{
	reclaim("proa");
	reclaim("system");
	/* Go looks through its heap every two minutes: that part comes back, and leaves holes. */
	sleep(COMPACT_AFTER_S);
	return write_file("/sys/block/zram0/compact", "1") < 0;
}

static struct child maker = {.name = "zram", .run = make_swap};
static struct child rester = {.name = "zram", .run = rest};

static void start_rest(void *context)
{
	(void)context;
	child_start(&rester);
}

void zram_start(void)
{
	child_start(&maker);
	(void)loop_after(REST_MS, start_rest, NULL);
}
