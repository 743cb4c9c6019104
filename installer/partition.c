#include "installer/partition.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <parted/parted.h>

#include "installer/gpt.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static int zero(int fd, uint64_t from, uint64_t to, const uint8_t *zeros, struct error *err)
{
	while (from < to) {
		size_t piece = to - from < LAYOUT_MIB ? (size_t)(to - from) : (size_t)LAYOUT_MIB;
		int r = io_pwrite_full(fd, zeros, piece, from);

		if (r < 0)
			return error_set(err, r, "cannot write to the disk at byte %llu: %s",
					 (unsigned long long)from, strerror(-r));
		from += piece;
	}
	return 0;
}

static int zero_and_sync(int fd, uint64_t from, uint64_t to, const uint8_t *zeros,
			 struct error *err)
{
	int r = zero(fd, from, to, zeros, err);

	return r == 0 && fsync(fd) < 0 ? error_errno(err, "cannot write to the disk") : r;
}

int partition_wipe(int fd, const struct plan *plan, struct error *err)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, LAYOUT_MIB);
	int r;

	if (!zeros)
		return error_oom(err);
	/*
	 * A power cut must not leave an old backup GPT alone and whole, from which firmware or
	 * a rescue system would restore a table of what is gone: the end of the disk is first
	 * on the medium, then its start.
	 */
	r = zero_and_sync(fd, plan->disk_bytes - LAYOUT_MIB, plan->disk_bytes, zeros, err);
	if (r == 0)
		r = zero_and_sync(fd, plan->sector_bytes, LAYOUT_START_BYTES, zeros, err);
	for (size_t i = 0; r == 0 && i < LAYOUT_PARTITIONS; i++) {
		const struct plan_partition *p = &plan->partitions[i];

		r = zero(fd, p->offset, p->offset + LAYOUT_MIB, zeros, err);
		if (r == 0)
			r = zero(fd, p->offset + p->size - LAYOUT_MIB, p->offset + p->size, zeros,
				 err);
	}
	if (r == 0 && fsync(fd) < 0)
		r = error_errno(err, "cannot write to the disk");
	return r;
}

/*
 * libparted asks questions where it would fail; its text is our error. One
 * process partitions one disk, so the text may be static.
 */
static char said[512];

static PedExceptionOption listen(PedException *exception)
{
	snprintf(said, sizeof(said), "%s", exception->message);
	return PED_EXCEPTION_UNHANDLED;
}

static int parted_failed(struct error *err, const char *what)
{
	return error_set(err, -EIO, "%s: %s", what, said[0] ? said : "libparted gave no reason");
}

static int add_partition(PedDisk *disk, const struct plan *plan, unsigned int index,
			 struct error *err)
{
	const struct plan_partition *p = &plan->partitions[index];
	PedSector start = (PedSector)(p->offset / plan->sector_bytes);
	PedSector length = (PedSector)(p->size / plan->sector_bytes);
	PedPartition *partition =
		ped_partition_new(disk, PED_PARTITION_NORMAL, NULL, start, start + length - 1);
	PedConstraint *exact;
	int added;

	if (!partition)
		return parted_failed(err, "cannot make a partition");
	if (!ped_partition_set_name(partition, p->label)) {
		ped_partition_destroy(partition);
		return parted_failed(err, "cannot name a partition");
	}
	/* Exactly there: libparted would move it to what it thinks is better. */
	exact = ped_constraint_exact(&partition->geom);
	added = exact && ped_disk_add_partition(disk, partition, exact);
	if (exact)
		ped_constraint_destroy(exact);
	if (!added) {
		ped_partition_destroy(partition);
		return parted_failed(err, "cannot add a partition");
	}
	return 0;
}

static int fill_and_commit(PedDevice *device, const struct plan *plan, struct error *err)
{
	PedDisk *disk = ped_disk_new_fresh(device, ped_disk_type_get("gpt"));
	int r = 0;

	if (!disk)
		return parted_failed(err, "cannot make a partition table");
	/* It would zero the first sector, and with it the mark; partition_wipe has done the rest. */
	disk->needs_clobber = 0;
	for (unsigned int i = 0; r == 0 && i < LAYOUT_PARTITIONS; i++)
		r = add_partition(disk, plan, i, err);
	/* To the disk alone: see partition_announce. */
	if (r == 0 && !ped_disk_commit_to_dev(disk))
		r = parted_failed(err, "cannot write the partition table");
	ped_disk_destroy(disk);
	return r;
}

int partition_write(const char *path, const struct plan *plan, struct error *err)
{
	_cleanup_fd_ int fd = -1;
	PedDevice *device;
	int r;

	said[0] = '\0';
	ped_exception_set_handler(listen);
	device = ped_device_get(path);
	if (!device)
		return parted_failed(err, "cannot open the disk");
	/* A plain file has no sectors of its own: libparted takes it for 512. */
	device->sector_size = plan->sector_bytes;
	device->phys_sector_size = plan->sector_bytes;
	device->length = (PedSector)(plan->disk_bytes / plan->sector_bytes);
	if (!ped_device_open(device)) {
		ped_device_destroy(device);
		return parted_failed(err, "cannot open the disk");
	}
	r = fill_and_commit(device, plan, err);
	ped_device_close(device);
	ped_device_destroy(device);
	if (r < 0)
		return r;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return gpt_set_types(fd, plan, err);
}

int partition_announce(const char *path, struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	/* udev may be looking at a partition just now. */
	for (int attempt = 0; ioctl(fd, BLKRRPART) < 0; attempt++) {
		if (errno != EBUSY || attempt == 10)
			return error_errno(err, "the kernel did not read the new partition table");
		nanosleep(&pause, NULL);
	}
	return 0;
}
