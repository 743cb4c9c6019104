#include <fcntl.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "init/services/paths.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/format/roots.h"
#include "lib/format/slot.h"

#define MOUNTED "/run/proa/other-slot"

/*
 * All of it is read: what is copied from it is trusted from then on. By every key that ever
 * counted: it was written when its own still did.
 */
static int verify(const char *device, struct error *err)
{
	static struct roots roots;
	static struct slot slot; /* 20 KiB */
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint64_t size = 0;
	int r;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		return error_errno(err, "cannot open %s", device);
	r = roots_load(ROOTS_IMAGE, ROOTS_SEEN, &roots, err);
	if (r == 0)
		r = slot_verify_descriptor(fd, 0, size, &roots.former, &slot, err);
	if (r == 0)
		r = slot_verify_tree(fd, 0, &slot, VERITY_PAST_CACHE, NULL, NULL, err);
	return r;
}

static int open_slot(char *root, size_t size, struct error *err)
{
	_cleanup_fields_ struct fields fields = {0};
	const char *running, *device;
	int r = fields_read(PATH_BOOT, &fields, err);

	if (r < 0)
		return r;
	running = fields_get(&fields, "slot");
	device = fields_get(&fields, running && running[0] == 'a' ? "slot_b" : "slot_a");
	if (!running || !device)
		return error_set(err, -ENOENT, PATH_BOOT " names no slots");
	r = verify(device, err);
	if (r < 0)
		return error_wrap(err, r, "the other slot cannot be used");
	(void)umount2(MOUNTED, MNT_DETACH); /* of a seeding that was killed */
	if (mkdir(MOUNTED, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot create " MOUNTED);
	if (mount(device, MOUNTED, "erofs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_errno(err, "cannot mount the other slot (%s)", device);
	snprintf(root, size, "%s", MOUNTED);
	return 0;
}

static void close_slot(const char *root)
{
	(void)umount2(root, MNT_DETACH);
	(void)rmdir(root);
}

const struct seed_slot seed_other_slot = {.open = open_slot, .close = close_slot};
