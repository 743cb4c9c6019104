#include "init/supervise/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "init/say.h"
#include "init/supervise/child.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define CGROUPS "/sys/fs/cgroup"

enum {
	LEAVE_ROUNDS = 8,
	MOUNTINFO_MAX = 16 << 20, /* a thousand containers, 2 KiB of lower layers each */
};

/* Every controller for every cgroup below: Docker asks for them. */
static void enable_controllers(void)
{
	char names[256], order[300];
	char *rest = names, *name;
	size_t used = 0;
	ssize_t size = 0;
	_cleanup_fd_ int from = open(CGROUPS "/cgroup.controllers", O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int to = open(CGROUPS "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);

	if (from >= 0)
		size = io_read_full(from, names, sizeof(names) - 1);
	names[size > 0 ? size : 0] = '\0';
	while ((name = strsep(&rest, " \n"))) {
		if (*name && used < sizeof(order))
			used += (size_t)snprintf(order + used, sizeof(order) - used, "+%s ", name);
	}
	if (to < 0 || used >= sizeof(order) || io_write_full(to, order, used) < 0)
		say("error: cgroup controllers cannot be enabled; limits of containers will fail");
	(void)mkdir(CGROUPS "/proa", 0755);
	(void)mkdir(CGROUPS "/system", 0755);
	(void)mkdir(CGROUPS "/user", 0755);
}

int mounts_first(struct error *err)
{
	static const struct {
		const char *type, *at, *options;
		unsigned long flags;
	} mounts[] = {
		{"devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC},
		{"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV},
		{"tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV},
		{"cgroup2", CGROUPS, "nsdelegate,memory_recursiveprot",
		 MS_NOSUID | MS_NODEV | MS_NOEXEC},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
		{"/run/proa/syslog/socket", "/dev/log"},
	};

	(void)mkdir("/dev/pts", 0755);
	(void)mkdir("/dev/shm", 0755);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, mounts[i].flags,
			  mounts[i].options) < 0)
			return error_errno(err, "cannot mount %s", mounts[i].at);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		(void)!symlink(links[i][0], links[i][1]);
	/* What is mounted later must be seen in containers that share a folder with the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return error_errno(err, "cannot make mounts shared");
	enable_controllers();
	(void)mkdir("/run/proa", 0755);
	(void)mkdir(CHILD_LOG_FOLDER, 0755);
	return 0;
}

int mounts_volumes(struct error *err)
{
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		{"/var/lib", 0755},
		{"/var/log", 0755},
		{"/var/lib/proa", 0755},
		{"/var/lib/proa/conf", 0700},
		{"/var/lib/proa/volumes", 0755},
		{"/var/lib/system-docker", 0710},
		{"/var/lib/docker", 0710},
		{"/var/tmp", 01777},
	};
	static const struct {
		const char *name;
		mode_t mode;
	} volumes[] = {
		{"home", 0755},	 {"opt", 0755}, {"mnt", 0755},
		{"media", 0755}, {"srv", 0755}, {"root", 0700},
	};
	char from[64], to[16];
	int r = 0;

	/* One that fails keeps none of the others away. */
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (mkdir(folders[i].path, folders[i].mode) == 0)
			(void)chmod(folders[i].path, folders[i].mode);
		else if (errno != EEXIST)
			r = error_errno(err, "cannot create %s", folders[i].path);
	}
	if (symlink("/run", "/var/run") < 0 && errno != EEXIST)
		r = error_errno(err, "cannot create /var/run");
	for (size_t i = 0; i < sizeof(volumes) / sizeof(*volumes); i++) {
		snprintf(from, sizeof(from), "/var/lib/proa/volumes/%s", volumes[i].name);
		snprintf(to, sizeof(to), "/%s", volumes[i].name);
		if (mkdir(from, volumes[i].mode) < 0 && errno != EEXIST)
			r = error_errno(err, "cannot create %s", from);
		else if (mount(from, to, NULL, MS_BIND, NULL) < 0)
			r = error_errno(err, "cannot mount %s on %s", from, to);
	}
	return r;
}

/* mountinfo writes blanks, tabs, line ends and backslashes as \OOO. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool must_stay(const char *at)
{
	static const char *const kept[] = {"/", "/dev", "/proc", "/sys", "/run"};

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		if (strcmp(at, kept[i]) == 0)
			return true;
	}
	return false;
}

/* Unmounts what the list names, from its end. Returns how many are gone. */
static int leave_once(char *list, bool last)
{
	int gone = 0;
	char *line;

	while ((line = strrchr(list, '\n'))) {
		char *at, *rest;

		*line = '\0';
		line = strrchr(list, '\n');
		rest = line ? line + 1 : list;
		/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT … (proc_pid_mountinfo(5)) */
		for (int i = 0; i < 4 && rest; i++)
			(void)strsep(&rest, " ");
		at = strsep(&rest, " ");
		if (!at || *at != '/')
			continue;
		unescape(at);
		if (must_stay(at))
			continue;
		if (umount2(at, UMOUNT_NOFOLLOW) == 0) {
			gone++;
		} else if (last) {
			if (strcmp(at, "/var") == 0)
				say("error: /var is still busy; it is made read-only");
			(void)mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY, NULL);
		}
	}
	return gone;
}

void mounts_leave(void)
{
	for (int round = 0; round < LEAVE_ROUNDS; round++) {
		_cleanup_free_ char *list = NULL;
		size_t size;

		if (io_read_file("/proc/self/mountinfo", MOUNTINFO_MAX, &list, &size, NULL) < 0) {
			if (umount2("/var", UMOUNT_NOFOLLOW) < 0)
				(void)mount(NULL, "/var", NULL, MS_REMOUNT | MS_RDONLY, NULL);
			return;
		}
		if (leave_once(list, false) == 0) {
			free(list);
			list = NULL;
			if (io_read_file("/proc/self/mountinfo", MOUNTINFO_MAX, &list, &size,
					 NULL) == 0)
				(void)leave_once(list, true);
			return;
		}
	}
}
