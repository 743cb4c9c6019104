#include "init/boot/stage1.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "init/boot/find_root.h"
#include "init/boot/modules.h"
#include "init/boot/switch_root.h"
#include "init/boot/verity_dm.h"
#include "init/facts.h"
#include "init/hurry.h"
#include "init/record.h"
#include "init/say.h"
#include "init/watchdog.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/format/roots.h"
#include "lib/format/slot.h"
#include "lib/hex.h"

#define KEYS_FOLDER "/keys"
#define NEW_ROOT    "/newroot"
#define PROGRAM     "/sbin/init"

enum {
	REBOOT_AFTER_S = 5,        /* long enough to read the line */
	REBOOT_AFTER_DEBUG_S = 60, /* proa.debug=1: a person is there */
};

static struct facts facts;

static _Noreturn void give_up(const struct error *err)
{
	unsigned int seconds = facts.debug ? REBOOT_AFTER_DEBUG_S : REBOOT_AFTER_S;

	say("error: %s", err->message);
	record_end(BOOTLOG_FAILED, err->message);
	say("rebooting in %u s", seconds);
	sleep(seconds);
	say("rebooting");
	sync();
	reboot(RB_AUTOBOOT);
	_exit(1); /* PID 1's end is a panic, and the kernel reboots by panic= */
}

static int mount_first(struct error *err)
{
	static const struct {
		const char *type, *at, *options;
		unsigned long flags;
	} mounts[] = {
		{"proc", "/proc", "", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"sysfs", "/sys", "", MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"devtmpfs", "/dev", "mode=0755", MS_NOSUID},
		{"tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV},
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		(void)mkdir(mounts[i].at, 0755);
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, mounts[i].flags,
			  mounts[i].options) < 0 &&
		    errno != EBUSY) /* devtmpfs may be there already */
			return error_errno(err, "cannot mount %s", mounts[i].at);
	}
	return 0;
}

/* The kernel found no /dev/console in the initramfs, so 0, 1 and 2 may be closed. */
static void open_standard_files(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	for (int i = 0; i < 3 && fd >= 0; i++) {
		if (fd != i)
			dup2(fd, i);
	}
	if (fd > 2)
		close(fd);
}

static void take_disk(const struct candidate *disk)
{
	memcpy(facts.disk, disk->disk, FACTS_NODE_SIZE);
	memcpy(facts.flip, disk->partitions[LAYOUT_FLIP], FACTS_NODE_SIZE);
	memcpy(facts.slot_a, disk->partitions[LAYOUT_SLOT_A], FACTS_NODE_SIZE);
	memcpy(facts.slot_b, disk->partitions[LAYOUT_SLOT_B], FACTS_NODE_SIZE);
	memcpy(facts.state, disk->partitions[LAYOUT_STATE], FACTS_NODE_SIZE);
}
_Static_assert(FACTS_NODE_SIZE == (int)FIND_NODE_SIZE, "take_disk copies whole fields");

/* A slot proves itself: descriptor and signature, then dm-verity for all that is read. */
static int mount_slot(struct error *err)
{
	static struct slot slot; /* 20 KiB */
	static struct root root;
	const char *device = facts.slot == 'a' ? facts.slot_a : facts.slot_b;
	char node[FACTS_NODE_SIZE];
	uint64_t size = 0;
	int r = roots_newest(KEYS_FOLDER, &root, err);
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (r < 0)
		return r;
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		return error_errno(err, "cannot open slot %c (%s)", facts.slot, device);
	r = slot_verify_descriptor(fd, 0, size, &root.keys, &slot, err);
	if (r < 0)
		return error_wrap(err, r, "slot %c cannot be used", facts.slot);
	snprintf(facts.version, sizeof(facts.version), "%s", slot.manifest.version);
	hex_encode(slot.manifest.root_hash, HASH_SIZE, facts.root_hash);
	facts.data_version = slot.manifest.data_version;
	facts.least_epoch = slot.descriptor.least_epoch;

	r = verity_dm_open(VERITY_DM_ROOT, device, &slot.verity, node, sizeof(node), err);
	if (r < 0)
		return error_wrap(err, r, "slot %c cannot be used", facts.slot);
	(void)mkdir(NEW_ROOT, 0755);
	if (mount(node, NEW_ROOT, "erofs", MS_RDONLY, NULL) < 0)
		return error_errno(err, "slot %c: its root file system cannot be mounted",
				   facts.slot);
	facts.t_root = console_now_ms();
	return 0;
}

/* What every machine needs, whatever its hardware. -ENOENT: built in; if not, the mount says so. */
static int load_needed(struct modules *modules, struct error *err)
{
	/* ext4 only where the recipe put it into the initramfs; PID 1 finds it in the slot. */
	static const char *const needed[] = {"dm-verity", "erofs", "ext4"};

	modules_load_processor(modules);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		int r = modules_load(modules, needed[i], err);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/*
 * Starts that in a process of its own: loading is mostly checking signatures,
 * and takes as long as finding the disk does (1 s each on a slow machine).
 */
static pid_t load_needed_beside(struct modules *modules)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(load_needed(modules, NULL) < 0);
	return pid;
}

static int await_needed(pid_t pid, struct modules *modules, struct error *err)
{
	int status;

	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		return 0;
	return load_needed(modules, err); /* here, for the sake of the message */
}

/*
 * Reads PID 1's program as a whole, into the page cache. A corrupt block in it
 * is an error here; met by a page fault, it was seen to block PID 1 for good
 * (Linux 6.12, mlockall).
 */
static int read_program(struct error *err)
{
	static char buffer[256 << 10];
	/* Links on the way mean the slot's root, as they will for exec. */
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	_cleanup_fd_ int root = open(NEW_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int fd = (int)syscall(SYS_openat2, root, PROGRAM, &how, sizeof(how));
	ssize_t n;

	if (fd < 0)
		return error_errno(err, "slot %c has no " PROGRAM, facts.slot);
	do
		n = read(fd, buffer, sizeof(buffer));
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return error_errno(err, "slot %c: " PROGRAM " cannot be read", facts.slot);
	return 0;
}

static int run(struct error *err)
{
	static struct cmdline cmdline;
	struct candidate disk;
	_cleanup_modules_ struct modules *modules = NULL;
	pid_t beside;
	int r = cmdline_read(&cmdline, err);

	facts.t_init = console_now_ms();
	facts.slot = cmdline.slot;
	facts.debug = cmdline.debug;
	say("init: started (slot %c)", cmdline.slot ? cmdline.slot : '?');
	if (r < 0)
		return r;
	facts.fellback = cmdline.fellback;
	facts.lastresort = cmdline.lastresort;
	facts.unsaved = cmdline.unsaved;
	memcpy(facts.flip_text, cmdline.flip, sizeof(facts.flip_text));
	memcpy(facts.kernel_args, cmdline.all, sizeof(facts.kernel_args));

	r = modules_open_running(&modules, err);
	if (r < 0)
		return r;
	beside = load_needed_beside(modules);
	r = find_root(&cmdline, modules, &disk, err);
	if (r < 0)
		return r;
	watchdog_arm(modules);
	take_disk(&disk);
	facts.t_disk = console_now_ms();
	record_open(&facts);
	record_stage(BOOTLOG_INITRAMFS);

	r = await_needed(beside, modules, err);
	if (r == 0)
		r = mount_slot(err);
	if (r == 0)
		r = read_program(err);
	if (r < 0)
		return r;
	say("root verified: slot %c, version %s", facts.slot, facts.version);
	if (mkdir("/run/proa", 0755) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create /run/proa");
	r = facts_write(&facts, err);
	if (r < 0)
		return r;
	return switch_root(NEW_ROOT, PROGRAM, err);
}

_Noreturn void stage1_run(void)
{
	struct error err = ERROR_INIT;
	int r = mount_first(&err);

	hurry_start();
	watchdog_hangs_panic(true);
	open_standard_files();
	say_open();
	if (r == 0)
		(void)run(&err);
	give_up(&err);
}
