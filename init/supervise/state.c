#include "init/supervise/state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "init/boot/modules.h"
#include "init/record.h"
#include "init/say.h"
#include "init/supervise/child.h"
#include "init/supervise/stop.h"
#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	BEAT_S = 60,
	IDLE_BEATS_MAX = 10,
	END_MS = 10 * 1000,
	/* e2fsck(8): errors corrected; 2 asks for a reboot, which only a mounted root needs. */
	E2FSCK_FINE = 1 | 2,
};

static bool have_file_system(const char *name)
{
	_cleanup_free_ char *list = NULL;
	size_t size;
	char line[32];

	snprintf(line, sizeof(line), "\t%s\n", name);
	return io_read_file("/proc/filesystems", 1 << 16, &list, &size, NULL) == 0 &&
	       strstr(list, line);
}

/* The kernel would ask modprobe for it; this needs no program of the slot. */
static int load_ext4(struct error *err)
{
	_cleanup_modules_ struct modules *modules = NULL;
	int r;

	if (have_file_system("ext4"))
		return 0;
	r = modules_open_running(&modules, err);
	return r < 0 ? r : modules_load(modules, "ext4", err);
}

/* Does the superblock say that errors were seen? (kernel: fs/ext4/ext4.h, ext4_super_block) */
static bool has_errors(const char *device)
{
	enum { SUPERBLOCK = 1024, AT_MAGIC = 56, AT_STATE = 58, MAGIC = 0xef53, ERRORS = 2 };
	uint8_t block[AT_STATE + 2];
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && io_pread_full(fd, block, sizeof(block), SUPERBLOCK) == 0 &&
	       bytes_get_le16(block + AT_MAGIC) == MAGIC &&
	       (bytes_get_le16(block + AT_STATE) & ERRORS);
}

/* Processor time that a process has used, in clock ticks (proc_pid_stat(5): utime, stime). */
static unsigned long processor_ticks(pid_t pid)
{
	char path[32], text[512] = "";
	unsigned long user = 0, kernel = 0;
	const char *rest;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)io_read_full(fd, text, sizeof(text) - 1);
		close(fd);
	}
	rest = strrchr(text, ')'); /* the name before it may hold anything */
	if (rest)
		(void)sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			     &user, &kernel);
	return user + kernel;
}

static int worker_status;

static void worker_ended(struct child *child, int status)
{
	(void)child;
	worker_status = status;
}

/*
 * Runs a child that works on the state partition, and turns the loop meanwhile: a
 * repair may take hours. One that uses no processor time at all for ten minutes waits
 * for a disk that answers no more. Returns its status (waitpid(2)), or a negative errno.
 */
static int work(struct child *child, struct error *err)
{
	unsigned long seen = 0;
	unsigned int idle = 0;

	child->ended = worker_ended;
	child_start(child);
	for (unsigned int second = 1; !child_wait(child, 1000); second++) {
		if (stop_requested() != STOP_NONE) {
			child_signal(child, SIGTERM);
			if (!child_wait(child, END_MS))
				child_signal(child, SIGKILL);
			return error_set(err, -EINTR, "%s was ended by a shutdown", child->name);
		}
		if (second % BEAT_S != 0)
			continue;
		record_heartbeat();
		idle = processor_ticks(child->pid) == seen ? idle + 1 : 0;
		seen = processor_ticks(child->pid);
		if (idle < IDLE_BEATS_MAX)
			continue;
		child_signal(child, SIGKILL);
		return error_set(err, -ETIMEDOUT,
				 "%s has not moved for %d minutes: the disk answers no more",
				 child->name, IDLE_BEATS_MAX * BEAT_S / 60);
	}
	return worker_status;
}

/* Returns 0 where the file system is fine now, 1 where it is not, or a negative errno. */
static int check(const char *device, const char *mode, struct error *err)
{
	static struct child e2fsck = {.name = "e2fsck"};
	int status;

	e2fsck.argv[0] = "e2fsck";
	e2fsck.argv[1] = mode;
	e2fsck.argv[2] = device;
	e2fsck.argv[3] = NULL;
	say("checking the file system on %s (e2fsck %s)", device, mode);
	status = work(&e2fsck, err);
	if (status < 0)
		return status;
	if (!WIFEXITED(status) || (WEXITSTATUS(status) & ~E2FSCK_FINE) != 0)
		return 1;
	if (WEXITSTATUS(status) & 1)
		say("error: %s was damaged, and is repaired; see " CHILD_LOG_FOLDER "/e2fsck",
		    device);
	return 0;
}

/* Nobody is there to answer e2fsck's questions: yes is the answer that keeps the machine. */
static int repair(const char *device, struct error *err)
{
	int r = check(device, "-p", err);

	if (r == 1)
		r = check(device, "-y", err);
	return r;
}

static const char *state_device;

/* In a child: replaying a long journal from a slow disk must not hold up PID 1's loop. */
static int mount_in_child(void)
{
	/* noatime: reading must not write; errors: no more damage than there is. */
	return mount(state_device, "/var", "ext4", MS_NOATIME, "errors=remount-ro") < 0 ? errno
											 : 0;
}

/* Returns 0, what mount(2) says as a negative errno, or what work() does. */
static int mount_state(const char *device, struct error *err)
{
	static struct child mounter = {.name = "mount", .run = mount_in_child};
	int status;

	state_device = device;
	status = work(&mounter, err);
	if (status < 0)
		return status;
	if (status == 0)
		return 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return error_errno(err, "the state partition %s cannot be mounted", device);
}

static bool is_write_protected(const char *device)
{
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC);
	int read_only = 0;

	return fd >= 0 && ioctl(fd, BLKROGET, &read_only) == 0 && read_only;
}

/* The superblock may ask for it (tune2fs -O read-only): mount(2) says nothing of that. */
static int refuse_read_only(const char *device, struct error *err)
{
	struct statvfs flags;

	if (statvfs("/var", &flags) < 0 || !(flags.f_flag & ST_RDONLY))
		return 0;
	(void)umount2("/var", MNT_DETACH);
	return error_set(err, -EROFS, "the file system of the state partition %s is read-only",
			 device);
}

int state_mount(const struct facts *facts, struct error *err)
{
	bool checked = false;
	int r;

	if (!*facts->state)
		return error_set(err, -ENOENT, "%s has no state partition (number 6)", facts->disk);
	if (is_write_protected(facts->state))
		return error_set(err, -EROFS, "the disk %s is write-protected", facts->disk);
	r = load_ext4(err);
	if (r < 0)
		return r;
	if (has_errors(facts->state)) {
		checked = true;
		r = repair(facts->state, err);
		if (r < 0)
			return r;
	}
	r = mount_state(facts->state, err);
	if (r < 0 && !checked && r != -ETIMEDOUT && r != -EINTR) {
		r = repair(facts->state, NULL);
		if (r != 0)
			return r < 0 ? r : -EIO; /* the mount's own words are still in err */
		r = mount_state(facts->state, err);
	}
	return r < 0 ? r : refuse_read_only(facts->state, err);
}

int state_mount_in_memory(struct error *err)
{
	if (mount("tmpfs", "/var", "tmpfs", 0, "mode=0755") < 0)
		return error_errno(err, "cannot mount a /var of memory");
	return 0;
}
