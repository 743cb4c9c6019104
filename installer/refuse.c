#include "installer/refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { LOCK_WAIT_MS = 10 * 1000 };

int refuse_guard(const struct blockdev *disk, struct refuse_hold *hold)
{
	if (disk->is_file)
		return 0;
	/* open(2): on a device, O_EXCL without O_CREAT fails where it is in use. */
	hold->guard = open(disk->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	return hold->guard < 0 ? -errno : 0;
}

static int take_hold(const struct blockdev *disk, struct refuse_hold *hold)
{
	int r;

	hold->fd = open(disk->path, O_RDWR | O_CLOEXEC);
	if (hold->fd < 0)
		return -errno;
	/*
	 * udev leaves a locked disk alone (systemd.io/BLOCK_DEVICE_LOCKING), and locks it itself
	 * while it looks at it, for a moment after it was attached or written.
	 */
	r = io_lock(hold->fd, LOCK_WAIT_MS);
	return r < 0 ? r : refuse_guard(disk, hold);
}

int refuse_gather(const char *path, uint32_t sector_bytes, struct refuse_facts *facts,
		  struct refuse_hold *hold, struct error *err)
{
	_cleanup_fd_ int look = -1;
	int r;

	memset(facts, 0, sizeof(*facts));
	*hold = (struct refuse_hold){.fd = -1, .guard = -1};
	facts->asked = path;
	facts->probed = blockdev_probe(path, &facts->disk, NULL);
	if (facts->probed < 0)
		return 0;
	if (sector_bytes && facts->disk.is_file)
		facts->disk.sector_bytes = sector_bytes;
	if (facts->disk.part_of[0] || facts->disk.read_only)
		return 0;
	facts->opened = take_hold(&facts->disk, hold);
	if (hold->fd < 0)
		look = open(facts->disk.path, O_RDONLY | O_CLOEXEC);
	if (hold->fd < 0 && look < 0)
		return 0;
	r = inuse_find(&facts->disk, hold->fd >= 0 ? hold->fd : look, facts->use, err);
	if (r < 0)
		return r;
	facts->in_use = r > 0;
	return content_read(hold->fd >= 0 ? hold->fd : look, facts->disk.size_bytes,
			    facts->disk.is_file ? facts->disk.sector_bytes : 0, &facts->content,
			    err);
}

static int refuse(struct error *err, enum refuse_exit code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct error *err, enum refuse_exit code, const char *format, ...)
{
	char text[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set(err, -EPERM, "%s", text);
	return (int)code;
}

/* Names the part of the disk that a file system or a volume manager holds open. */
static void guess_holder(const struct content *content, char *out, size_t size)
{
	char words[2 * CONTENT_TEXT_SIZE];

	snprintf(out, size, "a program or the kernel");
	for (size_t i = 0; i < content->count; i++) {
		if (!content->items[i].kind[0])
			continue;
		snprintf(out, size, "the kernel (it holds: %s)",
			 content_describe(&content->items[i], words));
		return;
	}
}

static int refuse_unprobed(const struct refuse_facts *facts, struct error *err)
{
	switch (facts->probed) {
	case -ENOENT:
	case -ENXIO:
		/* Whoever mistyped a disk must not be told to make a file of its name. */
		if (strncmp(facts->asked, "/dev/", strlen("/dev/")) == 0)
			return refuse(err, REFUSE_NO_DISK,
				      "there is no %s; \"lsblk -d\" lists this machine's disks",
				      facts->asked);
		return refuse(
			err, REFUSE_NO_DISK,
			"there is no %s; \"lsblk -d\" lists this machine's disks, and a plain "
			"file must be made first: truncate -s 8G %s",
			facts->asked, facts->asked);
	case -ENOMEDIUM:
		return refuse(err, REFUSE_NO_DISK, "%s has no medium, or no size", facts->asked);
	case -ENOTBLK:
		return refuse(err, REFUSE_NOT_A_DISK,
			      "%s is neither a disk nor a plain file; \"lsblk -d\" lists disks",
			      facts->asked);
	case -EACCES:
		return refuse(err, REFUSE_NOT_PERMITTED,
			      "%s may not be looked at by you; run this as root", facts->asked);
	default:
		return refuse(err, REFUSE_NO_DISK, "cannot look at %s: %s", facts->asked,
			      strerror(-facts->probed));
	}
}

static int refuse_unopened(const struct refuse_facts *facts, struct error *err)
{
	const struct blockdev *disk = &facts->disk;
	char holder[256];

	switch (facts->opened) {
	case -EACCES:
	case -EPERM:
		if (disk->is_file)
			return refuse(err, REFUSE_NOT_PERMITTED,
				      "%s may not be written by you; change its owner or mode",
				      facts->asked);
		return refuse(err, REFUSE_NOT_PERMITTED,
			      "writing to the device %s needs root; run this with sudo, or install "
			      "onto a plain file",
			      facts->asked);
	case -EROFS:
		return refuse(err, REFUSE_READ_ONLY, "%s can only be read", facts->asked);
	case -EWOULDBLOCK:
		return refuse(err, REFUSE_IN_USE,
			      "%s is in use: another program has locked it; wait for that to end",
			      facts->asked);
	case -EBUSY:
		guess_holder(&facts->content, holder, sizeof(holder));
		return refuse(
			err, REFUSE_IN_USE,
			"%s is in use by %s; end that first (lsblk, zpool export, btrfs device "
			"remove)",
			facts->asked, holder);
	default:
		return refuse(err, (enum refuse_exit)EXIT_FAILED, "cannot open %s for writing: %s",
			      facts->asked, strerror(-facts->opened));
	}
}

int refuse_disk(const struct refuse_facts *facts, struct error *err)
{
	const struct blockdev *disk = &facts->disk;

	if (facts->probed < 0)
		return refuse_unprobed(facts, err);
	if (disk->part_of[0])
		return refuse(err, REFUSE_NOT_A_DISK,
			      "%s is a part of %s; Proa needs a whole disk with nothing else on it",
			      facts->asked, disk->part_of);
	if (disk->read_only)
		return refuse(err, REFUSE_READ_ONLY, "%s is read-only; %s", facts->asked,
			      disk->is_file ? "chmod u+w it"
					    : "blockdev --setrw it, or look for "
					      "a write-protect switch");
	/* Who uses it says more than that it could not be opened. */
	if (facts->in_use)
		return refuse(err, REFUSE_IN_USE, "%s is in use: %s", facts->asked, facts->use);
	if (facts->opened < 0)
		return refuse_unopened(facts, err);
	return 0;
}

int refuse_data(const struct refuse_facts *facts, bool force, struct error *err)
{
	if (force || !content_is_data(&facts->content))
		return 0;
	return refuse(err, REFUSE_HOLDS_DATA,
		      "%s holds data (see above); to destroy it give --force, or run this at a "
		      "terminal and type the disk's name",
		      facts->asked);
}

int refuse_bundle_exit(int result)
{
	switch (result) {
	case -EBADMSG:
	case -ENODATA:
	case -EFBIG:
		return REFUSE_DAMAGED_BUNDLE;
	case -ENOKEY:
	case -EKEYREJECTED:
		return REFUSE_SIGNATURE;
	case -ENOEXEC:
		return REFUSE_ARCHITECTURE;
	case -EOPNOTSUPP:
		return EXIT_REFUSED;
	default:
		return EXIT_FAILED;
	}
}

int refuse_plan_exit(int result)
{
	switch (result) {
	case -ENOSPC:
		return REFUSE_TOO_SMALL;
	case -EINVAL:
		return EXIT_USAGE;
	case -EOPNOTSUPP:
		return REFUSE_NOT_A_DISK;
	default:
		return EXIT_FAILED;
	}
}
