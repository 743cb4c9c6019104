#include "installer/content.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <blkid/blkid.h>

#include "lib/cleanup.h"
#include "lib/format/layout.h"
#include "lib/io.h"

/* libblkid's answers where there is nothing, and where two signatures contradict. */
enum { PROBE_NOTHING = 1, PROBE_AMBIVALENT = -2 };

static void free_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

static void copy_value(blkid_probe probe, const char *name, char *out, size_t size)
{
	const char *value;

	if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0)
		snprintf(out, size, "%s", value);
}

/* The signature of `size` bytes at `offset`. Returns 1 where there is one, 0, or -errno. */
static int probe_range(int fd, uint64_t offset, uint64_t size, uint32_t sector_bytes,
		       struct content_item *item, struct error *err)
{
	_cleanup_(free_probe) blkid_probe probe = blkid_new_probe();
	int r;

	if (!probe)
		return error_oom(err);
	if (blkid_probe_set_device(probe, fd, (blkid_loff_t)offset, (blkid_loff_t)size) != 0 ||
	    (sector_bytes && blkid_probe_set_sectorsize(probe, sector_bytes) != 0))
		return error_errno(err, "cannot look for file systems");
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL);
	r = blkid_do_safeprobe(probe);
	if (r == PROBE_NOTHING)
		return 0;
	if (r == PROBE_AMBIVALENT) {
		snprintf(item->kind, sizeof(item->kind), "several signatures");
		return 1;
	}
	if (r < 0)
		return error_errno(err, "cannot look for file systems");
	copy_value(probe, "TYPE", item->kind, sizeof(item->kind));
	copy_value(probe, "LABEL", item->label, sizeof(item->label));
	return item->kind[0] != '\0';
}

static int add_partitions(int fd, uint32_t sector_bytes, blkid_partlist list, struct content *out,
			  struct error *err)
{
	int count = blkid_partlist_numof_partitions(list);

	for (int i = 0; i < count; i++) {
		blkid_partition partition = blkid_partlist_get_partition(list, i);
		uint64_t offset = (uint64_t)blkid_partition_get_start(partition) * 512;
		uint64_t size = (uint64_t)blkid_partition_get_size(partition) * 512;
		const char *name = blkid_partition_get_name(partition);
		struct content_item *item;
		int r;

		out->partitions++;
		if (out->count == CONTENT_ITEMS_MAX)
			continue;
		item = &out->items[out->count++];
		item->number = blkid_partition_get_partno(partition);
		item->size_bytes = size;
		/* An extended partition is a table, not a place for a file system. */
		if (!blkid_partition_is_extended(partition)) {
			r = probe_range(fd, offset, size, sector_bytes, item, err);
			if (r < 0)
				return r;
		}
		if (!item->label[0] && name)
			snprintf(item->label, sizeof(item->label), "%.*s", CONTENT_TEXT_SIZE - 1,
				 name);
	}
	return 0;
}

/* Is there anything but zeros in `size` bytes at `offset`? 1, 0, or -errno. */
static int range_is_used(int fd, uint64_t offset, size_t size, struct error *err)
{
	_cleanup_free_ uint8_t *bytes = malloc(size);
	int r;

	if (!bytes)
		return error_oom(err);
	r = io_pread_full(fd, bytes, size, offset);
	if (r < 0)
		return error_set(err, r, "cannot read the disk at byte %llu: %s",
				 (unsigned long long)offset, strerror(-r));
	return size > 0 && (bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0);
}

/* What a table without partitions takes at the start and at the end of the disk. */
static void table_extent(const char *table, uint32_t sector_bytes, size_t *head, size_t *tail)
{
	/* The least that UEFI 2.10 §5.3.1 asks for, and all that an empty table has. */
	enum { GPT_ENTRIES_BYTES = 16384 };

	*head = *tail = 0;
	if (strcmp(table, "dos") == 0)
		*head = sector_bytes;
	/* The protective MBR; a header with its entries at either end. */
	if (strcmp(table, "gpt") == 0) {
		*head = 2 * (size_t)sector_bytes + GPT_ENTRIES_BYTES;
		*tail = (size_t)sector_bytes + GPT_ENTRIES_BYTES;
	}
}

/*
 * Data that no signature tells: a raw volume, a database's own disk, a lost table.
 * Two bytes make an empty dos table, so one is no proof that nothing else is there.
 */
static int look_for_unknown(int fd, uint64_t size_bytes, uint32_t sector_bytes, struct content *out,
			    struct error *err)
{
	size_t piece = size_bytes < LAYOUT_MIB ? (size_t)size_bytes : (size_t)LAYOUT_MIB;
	size_t head, tail;
	int r;

	table_extent(out->table, sector_bytes, &head, &tail);
	if (piece < head + tail)
		return 0;
	r = range_is_used(fd, head, piece - head, err);
	if (r == 0)
		r = range_is_used(fd, size_bytes - piece, piece - tail, err);
	if (r < 0)
		return r;
	out->unknown = r > 0;
	return 0;
}

int content_read(int fd, uint64_t size_bytes, uint32_t sector_bytes, struct content *out,
		 struct error *err)
{
	_cleanup_(free_probe) blkid_probe probe = blkid_new_probe();
	blkid_partlist list;
	struct content_item whole = {.size_bytes = size_bytes};
	int r;

	memset(out, 0, sizeof(*out));
	if (!probe)
		return error_oom(err);
	r = probe_range(fd, 0, size_bytes, sector_bytes, &whole, err);
	if (r < 0)
		return r;
	if (r > 0)
		out->items[out->count++] = whole;

	if (blkid_probe_set_device(probe, fd, 0, (blkid_loff_t)size_bytes) != 0 ||
	    (sector_bytes && blkid_probe_set_sectorsize(probe, sector_bytes) != 0))
		return error_errno(err, "cannot look at the partition table");
	blkid_probe_enable_partitions(probe, 1);
	list = blkid_probe_get_partitions(probe);
	if (list && blkid_partlist_get_table(list)) {
		snprintf(out->table, sizeof(out->table), "%s",
			 blkid_parttable_get_type(blkid_partlist_get_table(list)));
		r = add_partitions(fd, sector_bytes, list, out, err);
		if (r < 0)
			return r;
	}
	if (out->partitions == 0 && out->count == 0)
		return look_for_unknown(fd, size_bytes, blkid_probe_get_sectorsize(probe), out,
					err);
	return 0;
}

bool content_is_data(const struct content *content)
{
	return content->partitions > 0 || content->count > 0 || content->unknown;
}

const char *content_describe(const struct content_item *item, char out[2 * CONTENT_TEXT_SIZE])
{
	static const struct {
		const char *kind, *words;
	} table[] = {
		{"LVM2_member", "LVM physical volume"},
		{"LVM1_member", "LVM physical volume"},
		{"linux_raid_member", "RAID (MD) member"},
		{"zfs_member", "ZFS pool member"},
		{"btrfs", "btrfs file system"},
		{"crypto_LUKS", "encrypted volume (LUKS)"},
		{"BitLocker", "encrypted volume (BitLocker)"},
		{"swap", "swap space"},
		{"ceph_bluestore", "Ceph OSD"},
		{"drbd", "DRBD volume"},
		{"bcache", "bcache volume"},
		{"several signatures", "several contradicting signatures"},
		{"", "nothing known"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(item->kind, table[i].kind) != 0)
			continue;
		snprintf(out, 2 * CONTENT_TEXT_SIZE, "%s", table[i].words);
		return out;
	}
	if (strstr(item->kind, "_raid_member"))
		snprintf(out, 2 * CONTENT_TEXT_SIZE, "firmware RAID member (%s)", item->kind);
	else
		snprintf(out, 2 * CONTENT_TEXT_SIZE, "%s file system", item->kind);
	return out;
}
