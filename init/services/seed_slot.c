#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "init/services/seed.h"
#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/format/roots.h"

#define MOUNTED "/run/proa/other-slot"

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
	/* What is copied from it is trusted from then on. */
	r = roots_verify_slot(device, ROOTS_IMAGE, ROOTS_SEEN, err);
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
