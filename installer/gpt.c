#include "installer/gpt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/io.h"

/* UEFI specification 2.10, table 5-5 (header) and 5-6 (entry). */
enum {
	HEADER_SIZE_MIN = 92,
	HEADER_SIZE_AT = 12,
	HEADER_CRC_AT = 16,
	HEADER_ENTRIES_LBA_AT = 72,
	HEADER_ENTRY_COUNT_AT = 80,
	HEADER_ENTRY_SIZE_AT = 84,
	HEADER_ENTRIES_CRC_AT = 88,
	ENTRIES_BYTES_MAX = 128 * 128, /* what libparted writes */
	SECTOR_MAX = 4096,
};

/* CRC-32 of IEEE 802.3, as the specification asks for. */
static uint32_t crc32_of(const uint8_t *data, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

/* A GPT keeps the first three fields of a GUID little-endian. */
static int guid_bytes(const char *text, uint8_t out[16])
{
	uuid_t u;

	if (uuid_parse(text, u) != 0)
		return -EINVAL;
	const uint8_t swapped[16] = {u[3], u[2], u[1],  u[0],  u[5],  u[4],  u[7],  u[6],
				     u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]};

	memcpy(out, swapped, 16);
	return 0;
}

static int set_types(uint8_t *entries, uint32_t entry_size, const struct plan *plan)
{
	for (size_t i = 0; i < LAYOUT_PARTITIONS; i++) {
		int r = guid_bytes(plan->partitions[i].type, entries + i * entry_size);

		if (r < 0)
			return r;
	}
	return 0;
}

/* One copy of the table: its header lies at `lba`. */
static int rewrite(int fd, uint64_t lba, const struct plan *plan, struct error *err)
{
	uint8_t header[SECTOR_MAX];
	_cleanup_free_ uint8_t *entries = NULL;
	uint32_t sector = plan->sector_bytes, header_size, count, entry_size;
	uint64_t entries_at;
	int r;

	r = io_pread_full(fd, header, sector, lba * sector);
	if (r < 0)
		return error_set(err, r, "cannot read the partition table: %s", strerror(-r));
	header_size = bytes_get_le32(header + HEADER_SIZE_AT);
	count = bytes_get_le32(header + HEADER_ENTRY_COUNT_AT);
	entry_size = bytes_get_le32(header + HEADER_ENTRY_SIZE_AT);
	if (memcmp(header, "EFI PART", 8) != 0 || header_size < HEADER_SIZE_MIN ||
	    header_size > sector || count < LAYOUT_PARTITIONS || entry_size < 128 ||
	    (uint64_t)count * entry_size > ENTRIES_BYTES_MAX ||
	    bytes_get_le64(header + HEADER_ENTRIES_LBA_AT) > plan->disk_bytes / sector)
		return error_set(err, -EBADMSG, "the partition table is not as it was written");

	entries_at = bytes_get_le64(header + HEADER_ENTRIES_LBA_AT) * sector;
	entries = malloc((size_t)count * entry_size);
	if (!entries)
		return error_oom(err);
	r = io_pread_full(fd, entries, (size_t)count * entry_size, entries_at);
	if (r == 0)
		r = set_types(entries, entry_size, plan);
	if (r == 0)
		r = io_pwrite_full(fd, entries, (size_t)count * entry_size, entries_at);
	if (r < 0)
		return error_set(err, r, "cannot write the partition table: %s", strerror(-r));
	bytes_put_le32(header + HEADER_ENTRIES_CRC_AT,
		       crc32_of(entries, (size_t)count * entry_size));
	/* The header's own sum is taken with its field at zero. */
	bytes_put_le32(header + HEADER_CRC_AT, 0);
	bytes_put_le32(header + HEADER_CRC_AT, crc32_of(header, header_size));
	r = io_pwrite_full(fd, header, sector, lba * sector);
	if (r < 0 || fsync(fd) < 0)
		return error_set(err, r < 0 ? r : -errno, "cannot write the partition table");
	return 0;
}

int gpt_set_types(int fd, const struct plan *plan, struct error *err)
{
	int r = rewrite(fd, plan->disk_bytes / plan->sector_bytes - 1, plan, err);

	return r < 0 ? r : rewrite(fd, 1, plan, err);
}
