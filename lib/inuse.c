#include "lib/inuse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/cleanup.h"

static bool is_member(dev_t device, const dev_t *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (members[i] == device)
			return true;
	return false;
}

/* The kernel writes blanks, tabs, newlines and backslashes in paths as \ooo (octal). */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
		    from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool node_is_member(const char *path, const dev_t *members, size_t count)
{
	struct stat st;

	return path[0] == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       is_member(st.st_rdev, members, count);
}

/*
 * proc(5): ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [OPTIONAL …] - TYPE SOURCE …
 * btrfs shows an anonymous number, so the source counts as well.
 */
bool inuse_in_mounts(FILE *mountinfo, const dev_t *members, size_t count, char use[INUSE_TEXT_SIZE])
{
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (!found && getline(&line, &room, mountinfo) > 0) {
		char *save = NULL, *field, *mount_point = NULL, *source = NULL;
		unsigned int major_number = 0, minor_number = 0;
		int after_dash = 0, number = 0;

		for (field = strtok_r(line, " \n", &save); field;
		     field = strtok_r(NULL, " \n", &save), number++) {
			if (number == 2 &&
			    sscanf(field, "%u:%u", &major_number, &minor_number) != 2)
				break;
			if (number == 4)
				mount_point = field;
			if (after_dash && ++after_dash == 3)
				source = field;
			if (number > 5 && strcmp(field, "-") == 0)
				after_dash = 1;
		}
		if (!mount_point)
			continue;
		unescape(mount_point);
		if (source)
			unescape(source);
		if (!is_member(makedev(major_number, minor_number), members, count) &&
		    !(source && node_is_member(source, members, count)))
			continue;
		snprintf(use, INUSE_TEXT_SIZE, "%s is mounted on %s; unmount it: umount %s",
			 source ? source : "it", mount_point, mount_point);
		found = true;
	}
	free(line);
	return found;
}

/* proc(5): a heading, then FILENAME TYPE SIZE USED PRIORITY. */
bool inuse_in_swaps(FILE *swaps, const dev_t *members, size_t count, char use[INUSE_TEXT_SIZE])
{
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (!found && getline(&line, &room, swaps) > 0) {
		char *save = NULL;
		char *path = strtok_r(line, " \t\n", &save);

		if (!path)
			continue;
		unescape(path);
		if (!node_is_member(path, members, count))
			continue;
		snprintf(use, INUSE_TEXT_SIZE, "%s is swap space; take it away: swapoff %s", path,
			 path);
		found = true;
	}
	free(line);
	return found;
}

/* What sits on top of a disk, in a word that tells its tool. */
static const char *holder_kind(const char *holder, const char *dm_uuid)
{
	static const struct {
		const char *name, *uuid, *kind;
	} kinds[] = {
		{"dm-", "LVM-", "LVM; deactivate the volume group: vgchange -an"},
		{"dm-", "CRYPT-", "an open encrypted volume; close it: cryptsetup close"},
		{"dm-", "mpath-", "multipath; install on the multipath disk itself"},
		{"dm-", "DMRAID-", "a firmware RAID; stop it: dmraid -an"},
		{"dm-", "", "device-mapper; remove it: dmsetup remove"},
		{"md", "", "a RAID (MD); stop it: mdadm --stop"},
		{"bcache", "", "bcache; stop it first"},
		{"drbd", "", "DRBD; take it down: drbdadm down"},
		{"", "", "another device; stop that first"},
	};

	for (size_t i = 0;; i++)
		if (strncmp(holder, kinds[i].name, strlen(kinds[i].name)) == 0 &&
		    strncmp(dm_uuid, kinds[i].uuid, strlen(kinds[i].uuid)) == 0)
			return kinds[i].kind;
}

static bool held(dev_t member, char use[INUSE_TEXT_SIZE])
{
	char path[PATH_MAX], name[BLOCKDEV_NAME_SIZE] = "the disk";
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(member), minor(member));
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		char uuid[128] = "", device[64] = "";
		unsigned int major_number, minor_number;
		_cleanup_file_ FILE *file = NULL;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%.200s/dev", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(device, sizeof(device), file) &&
		    sscanf(device, "%u:%u", &major_number, &minor_number) == 2)
			blockdev_attribute(makedev(major_number, minor_number), "dm/uuid", uuid,
					   sizeof(uuid));
		blockdev_name(member, name, sizeof(name));
		snprintf(use, INUSE_TEXT_SIZE, "/dev/%.100s is in use by %.100s: %s", name,
			 entry->d_name, holder_kind(entry->d_name, uuid));
		return true;
	}
	return false;
}

/*
 * Is the loop device's backing file the disk, under whatever name, or one of its
 * partitions? The path may be of another mount namespace; then the text must do.
 */
static bool is_backed_by(const char *backing, const struct blockdev *disk, int fd,
			 const dev_t *members, size_t count)
{
	struct stat its, ours;

	if (stat(backing, &its) < 0)
		return strcmp(backing, disk->path) == 0;
	if (!disk->is_file)
		return S_ISBLK(its.st_mode) && is_member(its.st_rdev, members, count);
	return fstat(fd, &ours) == 0 && its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* A loop device claims neither file nor disk: whoever uses that one uses what is behind it. */
static bool looped(const struct blockdev *disk, int fd, const dev_t *members, size_t count,
		   char use[INUSE_TEXT_SIZE])
{
	_cleanup_dir_ DIR *dir = opendir("/sys/block");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX], backing[PATH_MAX];
		_cleanup_file_ FILE *file = NULL;

		if (strncmp(entry->d_name, "loop", 4) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.200s/loop/backing_file", entry->d_name);
		file = fopen(path, "re");
		if (!file || !fgets(backing, sizeof(backing), file))
			continue;
		backing[strcspn(backing, "\n")] = '\0';
		if (!is_backed_by(backing, disk, fd, members, count))
			continue;
		snprintf(use, INUSE_TEXT_SIZE,
			 "it is attached to /dev/%.200s; detach it: losetup -d /dev/%.200s",
			 entry->d_name, entry->d_name);
		return true;
	}
	return false;
}

/* QEMU, for one, holds byte locks on the files and devices of a running machine. */
static bool locked(int fd, char use[INUSE_TEXT_SIZE])
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return false;
	snprintf(use, INUSE_TEXT_SIZE,
		 "another program has locked it (a running virtual machine?); end that first");
	return true;
}

/* A machine that runs on a partition alone: its lock is on that one's node. */
static bool partition_locked(dev_t partition, char use[INUSE_TEXT_SIZE])
{
	char path[BLOCKDEV_NAME_SIZE + 8], name[BLOCKDEV_NAME_SIZE];
	_cleanup_fd_ int fd = -1;

	if (!blockdev_name(partition, name, sizeof(name)))
		return false;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && locked(fd, use);
}

static int open_table(const char *path, FILE **out, struct error *err)
{
	*out = fopen(path, "re");
	/* A kernel without swap has no /proc/swaps. */
	if (!*out && errno != ENOENT)
		return error_errno(err, "cannot read %s", path);
	return 0;
}

int inuse_find(const struct blockdev *disk, int fd, char use[INUSE_TEXT_SIZE], struct error *err)
{
	_cleanup_free_ dev_t *members = calloc(BLOCKDEV_PARTITIONS_MAX, sizeof(*members));
	_cleanup_file_ FILE *mounts = NULL, *swaps = NULL;
	size_t count;
	int r;

	if (!members)
		return error_oom(err);
	if (disk->is_file)
		return looped(disk, fd, NULL, 0, use) || locked(fd, use);
	r = blockdev_members(disk, members, BLOCKDEV_PARTITIONS_MAX, err);
	if (r < 0)
		return r;
	count = (size_t)r;
	r = open_table("/proc/self/mountinfo", &mounts, err);
	if (r == 0)
		r = open_table("/proc/swaps", &swaps, err);
	if (r < 0)
		return r;
	if ((mounts && inuse_in_mounts(mounts, members, count, use)) ||
	    (swaps && inuse_in_swaps(swaps, members, count, use)))
		return 1;
	for (size_t i = 0; i < count; i++)
		if (held(members[i], use) || (i > 0 && partition_locked(members[i], use)))
			return 1;
	return looped(disk, fd, members, count, use) || locked(fd, use);
}
