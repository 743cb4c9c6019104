#include "lib/blockdev.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <blkid/blkid.h>

#include "lib/cleanup.h"

static void device_folder(dev_t device, char *out, size_t size)
{
	snprintf(out, size, "/sys/dev/block/%u:%u", major(device), minor(device));
}

bool blockdev_attribute(dev_t device, const char *attribute, char *value, size_t size)
{
	char path[PATH_MAX];
	_cleanup_file_ FILE *file = NULL;
	size_t length;

	device_folder(device, path, sizeof(path));
	strncat(path, "/", sizeof(path) - strlen(path) - 1);
	strncat(path, attribute, sizeof(path) - strlen(path) - 1);
	file = fopen(path, "re");
	if (!file || !fgets(value, (int)size, file))
		return false;
	length = strlen(value);
	while (length > 0 && isspace((unsigned char)value[length - 1]))
		value[--length] = '\0';
	return true;
}

static bool attribute_number(dev_t device, const char *attribute, uint64_t *value)
{
	char text[32];

	if (!blockdev_attribute(device, attribute, text, sizeof(text)) ||
	    !isdigit((unsigned char)text[0]))
		return false;
	*value = strtoull(text, NULL, 10);
	return true;
}

/* The last part of a path; copies no more than fits. */
static void last_part(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = strnlen(name, size - 1);

	memcpy(out, name, length);
	out[length] = '\0';
}

/* sysfs folder of the device, links resolved: …/block/sda/sda1. */
static bool real_folder(dev_t device, char out[PATH_MAX])
{
	char link[64];

	device_folder(device, link, sizeof(link));
	return realpath(link, out) != NULL;
}

bool blockdev_name(dev_t device, char *name, size_t size)
{
	char folder[PATH_MAX];

	if (!real_folder(device, folder))
		return false;
	last_part(folder, name, size);
	return true;
}

/* sda1 lies in sda's folder; a volume on device-mapper tells it by its name. */
static void find_parent(struct blockdev *out)
{
	char folder[PATH_MAX], text[128];
	uint64_t number;

	if (attribute_number(out->device, "partition", &number) &&
	    real_folder(out->device, folder)) {
		*strrchr(folder, '/') = '\0';
		last_part(folder, out->part_of, sizeof(out->part_of));
		return;
	}
	/* kpartx's "part1-…" and LVM's "LVM-…" are pieces of a disk, too. */
	if (blockdev_attribute(out->device, "dm/uuid", text, sizeof(text)) &&
	    (strncmp(text, "part", 4) == 0 || strncmp(text, "LVM-", 4) == 0))
		snprintf(out->part_of, sizeof(out->part_of), "%s",
			 text[0] == 'L' ? "an LVM volume group" : "a device-mapper disk");
}

static int probe_device(const struct stat *st, struct blockdev *out, struct error *err)
{
	uint64_t sectors, number;

	out->device = st->st_rdev;
	if (!blockdev_name(out->device, out->name, sizeof(out->name)))
		return error_set(err, -ENXIO, "%s: the kernel has no such device", out->path);
	if (!attribute_number(out->device, "size", &sectors))
		return error_set(err, -ENXIO, "%s: the kernel does not tell its size", out->path);
	if (sectors == 0)
		return error_set(err, -ENOMEDIUM, "%s has no medium, or no size", out->path);
	out->size_bytes = sectors * 512; /* sysfs counts in 512 bytes whatever the disk's sectors */
	find_parent(out);
	out->sector_bytes = 512;
	if (attribute_number(out->device, "queue/logical_block_size", &number))
		out->sector_bytes = (uint32_t)number;
	out->read_only = attribute_number(out->device, "ro", &number) && number != 0;
	out->removable = attribute_number(out->device, "removable", &number) && number != 0;
	if (!blockdev_attribute(out->device, "device/model", out->model, sizeof(out->model)))
		out->model[0] = '\0';
	return 0;
}

int blockdev_probe(const char *path, struct blockdev *out, struct error *err)
{
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (!realpath(path, out->path) || stat(out->path, &st) < 0)
		return errno == ENOENT ? error_set(err, -ENOENT, "there is no %s", path)
				       : error_errno(err, "cannot look at %s", path);
	if (S_ISBLK(st.st_mode))
		return probe_device(&st, out, err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -ENOTBLK, "%s is neither a disk nor a plain file", path);
	out->is_file = true;
	out->size_bytes = (uint64_t)st.st_size;
	out->sector_bytes = 512;
	/* root can write past the mode; somebody took the bits away for a reason. */
	out->read_only = (st.st_mode & 0222) == 0;
	last_part(out->path, out->name, sizeof(out->name));
	return 0;
}

int blockdev_members(const struct blockdev *disk, dev_t *members, size_t max, struct error *err)
{
	char folder[PATH_MAX];
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	size_t count = 0;

	if (disk->is_file)
		return 0;
	if (max == 0 || !real_folder(disk->device, folder) || !(dir = opendir(folder)))
		return error_errno(err, "cannot list the partitions of %s", disk->path);
	members[count++] = disk->device;
	while ((entry = readdir(dir))) {
		char path[PATH_MAX + 300], text[32] = "";
		_cleanup_file_ FILE *file = NULL;
		unsigned int major_number, minor_number;

		snprintf(path, sizeof(path), "%s/%s/partition", folder, entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/dev", folder, entry->d_name);
		file = fopen(path, "re");
		if (!file || !fgets(text, sizeof(text), file) ||
		    sscanf(text, "%u:%u", &major_number, &minor_number) != 2)
			continue;
		if (count == max)
			return error_set(err, -E2BIG, "%s has more than %zu partitions", disk->path,
					 max - 1);
		members[count++] = makedev(major_number, minor_number);
	}
	return (int)count;
}

static void free_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

int blockdev_partition(int fd, uint32_t sector_bytes, int number, struct blockdev_partition *out,
		       struct error *err)
{
	_cleanup_(free_probe) blkid_probe probe = blkid_new_probe();
	blkid_partlist list;
	blkid_parttable table;
	blkid_partition partition;
	const char *text;

	if (!probe)
		return error_oom(err);
	if (blkid_probe_set_device(probe, fd, 0, 0) != 0 ||
	    (sector_bytes && blkid_probe_set_sectorsize(probe, sector_bytes) != 0))
		return error_errno(err, "cannot look at the partition table");
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	list = blkid_probe_get_partitions(probe);
	table = list ? blkid_partlist_get_table(list) : NULL;
	if (!table || strcmp(blkid_parttable_get_type(table), "gpt") != 0)
		return error_set(err, -ENODATA, "there is no GPT");
	partition = blkid_partlist_get_partition_by_partno(list, number);
	if (!partition)
		return error_set(err, -ENODATA, "the GPT has no partition %d", number);
	/* libblkid counts in 512 bytes whatever the disk's sectors. */
	out->offset = (uint64_t)blkid_partition_get_start(partition) * 512;
	out->size = (uint64_t)blkid_partition_get_size(partition) * 512;
	text = blkid_partition_get_uuid(partition);
	snprintf(out->uuid, sizeof(out->uuid), "%s", text ? text : "");
	text = blkid_partition_get_name(partition);
	snprintf(out->label, sizeof(out->label), "%s", text ? text : "");
	return 0;
}
