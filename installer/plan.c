#include "installer/plan.h"

#include <errno.h>

#include "lib/size.h"

/* The backup GPT: header and 128 entries of 128 bytes, whole sectors. UEFI 2.10 §5.3. */
static uint64_t backup_gpt_bytes(uint32_t sector_bytes)
{
	return sector_bytes + 128 * 128;
}

static uint64_t round_up_mib(uint64_t bytes)
{
	return (bytes + LAYOUT_MIB - 1) / LAYOUT_MIB * LAYOUT_MIB;
}

static uint64_t esp_bytes(uint32_t sector_bytes)
{
	return sector_bytes == 512 ? LAYOUT_ESP_BYTES_512 : LAYOUT_ESP_BYTES_4096;
}

/* Everything in front of slot A. */
static uint64_t front_bytes(uint32_t sector_bytes)
{
	return LAYOUT_START_BYTES + LAYOUT_BIOS_BYTES + esp_bytes(sector_bytes) + LAYOUT_FLIP_BYTES;
}

static uint64_t least_slot(uint64_t image_bytes)
{
	uint64_t twice = round_up_mib(2 * image_bytes + LAYOUT_DESCRIPTOR_BYTES);

	return twice > LAYOUT_SLOT_BYTES_MIN ? twice : LAYOUT_SLOT_BYTES_MIN;
}

static uint64_t needed_bytes(uint32_t sector_bytes, uint64_t slot_bytes)
{
	return front_bytes(sector_bytes) + 2 * slot_bytes + PLAN_STATE_BYTES_MIN +
	       round_up_mib(backup_gpt_bytes(sector_bytes));
}

static uint64_t choose_slot(const struct plan_request *request)
{
	uint64_t slot = least_slot(request->image_bytes);
	uint64_t share = request->disk_bytes / 16 / LAYOUT_MIB * LAYOUT_MIB;

	if (share > PLAN_SLOT_BYTES_AUTO_MAX)
		share = PLAN_SLOT_BYTES_AUTO_MAX;
	return share > slot ? share : slot;
}

/* A slot size that a person asked for. */
static int check_slot(const struct plan_request *request, struct error *err)
{
	uint64_t least = least_slot(request->image_bytes);
	char asked[SIZE_TEXT_SIZE], needed[SIZE_TEXT_SIZE];

	if (request->slot_bytes >= least)
		return 0;
	return error_set(err, -EINVAL,
			 "a slot of %s is too small: give --slot-size %s or more (twice the image, "
			 "so that later releases fit; 1 GiB at the least)",
			 size_text(request->slot_bytes, asked), size_text(least, needed));
}

int plan_make(const struct plan_request *request, struct plan *out, struct error *err)
{
	uint32_t sector = request->sector_bytes;
	uint64_t slot, end, at = LAYOUT_START_BYTES;
	int r;

	if (sector != 512 && sector != 4096)
		return error_set(err, -EOPNOTSUPP,
				 "the disk has sectors of %u bytes; Proa runs on 512 and 4096",
				 sector);
	/* Far beyond any disk; keeps the sums below from overflowing. */
	if (request->disk_bytes > INT64_MAX || request->image_bytes > INT64_MAX / 8 ||
	    request->slot_bytes > INT64_MAX / 8)
		return error_set(err, -EINVAL, "a size is beyond what any disk holds");
	if (request->slot_bytes) {
		r = check_slot(request, err);
		if (r < 0)
			return r;
		slot = round_up_mib(request->slot_bytes);
	} else {
		slot = choose_slot(request);
	}
	if (request->disk_bytes < needed_bytes(sector, slot)) {
		uint64_t needed = needed_bytes(sector, slot);
		char has_text[SIZE_TEXT_SIZE], needed_text[SIZE_TEXT_SIZE];

		return error_set(err, -ENOSPC,
				 "the disk is too small: it has %s, and %s (%llu bytes) are needed",
				 size_text(request->disk_bytes, has_text),
				 size_text(needed, needed_text), (unsigned long long)needed);
	}
	end = (request->disk_bytes - backup_gpt_bytes(sector)) / LAYOUT_MIB * LAYOUT_MIB;

	const struct plan_partition table[LAYOUT_PARTITIONS] = {
		{LAYOUT_LABEL_BIOS, LAYOUT_TYPE_BIOS, 0, LAYOUT_BIOS_BYTES},
		{LAYOUT_LABEL_ESP, LAYOUT_TYPE_ESP, 0, esp_bytes(sector)},
		{LAYOUT_LABEL_FLIP, LAYOUT_TYPE_FLIP, 0, LAYOUT_FLIP_BYTES},
		{LAYOUT_LABEL_SLOT_A, LAYOUT_TYPE_SLOT, 0, slot},
		{LAYOUT_LABEL_SLOT_B, LAYOUT_TYPE_SLOT, 0, slot},
		{LAYOUT_LABEL_STATE, LAYOUT_TYPE_STATE, 0, 0},
	};
	out->disk_bytes = request->disk_bytes;
	out->sector_bytes = sector;
	for (unsigned int i = 0; i < LAYOUT_PARTITIONS; i++) {
		out->partitions[i] = table[i];
		out->partitions[i].offset = at;
		at += table[i].size;
	}
	out->partitions[LAYOUT_STATE - 1].size = end - out->partitions[LAYOUT_STATE - 1].offset;
	return 0;
}
