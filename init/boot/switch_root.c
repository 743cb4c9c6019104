#include "init/boot/switch_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

/*
 * Deletes what lies in the folder behind `fd` (consumed), on its own file
 * system alone: mounts below, the new root among them, stay untouched.
 */
static void delete_below(int fd, dev_t device)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		close(fd);
		return;
	}
	while ((entry = readdir(folder))) {
		struct stat status;
		int flags = 0;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
		    status.st_dev != device)
			continue;
		if (S_ISDIR(status.st_mode)) {
			int below = openat(dirfd(folder), entry->d_name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (below >= 0)
				delete_below(below, device);
			flags = AT_REMOVEDIR;
		}
		(void)unlinkat(dirfd(folder), entry->d_name, flags);
	}
	closedir(folder);
}

static int move_mounts(const char *root, struct error *err)
{
	static const char *const mounts[] = {"/dev", "/proc", "/run", "/sys"};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		char target[64];

		snprintf(target, sizeof(target), "%s%s", root, mounts[i]);
		if (mount(mounts[i], target, NULL, MS_MOVE, NULL) < 0)
			return error_errno(err, "cannot move %s into the new root", mounts[i]);
	}
	return 0;
}

int switch_root(const char *root, const char *program, struct error *err)
{
	char *const argv[] = {(char *)program, NULL};
	char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", NULL};
	struct stat status;
	int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (old < 0 || fstat(old, &status) < 0)
		return error_errno(err, "cannot open the initramfs");
	r = move_mounts(root, err);
	if (r < 0)
		return r;
	if (chdir(root) < 0)
		return error_errno(err, "cannot enter %s", root);
	delete_below(old, status.st_dev);
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return error_errno(err, "cannot make %s the root", root);
	execve(program, argv, environment);
	return error_errno(err, "cannot run %s in the slot", program);
}
