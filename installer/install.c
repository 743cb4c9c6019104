#include "installer/install.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootloader/args.h"
#include "bootloader/flipfs.h"
#include "bootloader/place.h"
#include "installer/marker.h"
#include "installer/partition.h"
#include "installer/state.h"
#include "lib/cleanup.h"
#include "lib/format/slot_write.h"
#include "lib/io.h"

static int sync_disk(const struct install *install, struct error *err)
{
	return fsync(install->hold->fd) < 0 ? error_errno(err, "cannot write to the disk") : 0;
}

static int write_flip(const struct install *install, struct error *err)
{
	_cleanup_free_ uint8_t *bytes = malloc(FLIPFS_SIZE);
	const struct plan_partition *place = plan_partition(install->plan, LAYOUT_FLIP);
	struct args args = {.menu = false};
	struct flip flip;
	int r;

	if (!bytes)
		return error_oom(err);
	flip_init(&flip);
	snprintf(args.text, sizeof(args.text), "%s", install->append);
	flipfs_render(bytes, &flip, &args);
	r = io_pwrite_full(install->hold->fd, bytes, FLIPFS_SIZE, place->offset);
	if (r < 0)
		return error_set(err, r, "cannot write proa-flip: %s", strerror(-r));
	return sync_disk(install, err);
}

/* A piece of the image, read back from the slot that has just been checked. */
static int read_piece(const struct install *install, const struct byte_range *range, size_t limit,
		      uint8_t **out, struct error *err)
{
	const struct plan_partition *slot = plan_partition(install->plan, LAYOUT_SLOT_A);
	uint64_t image = bundle_head(install->bundle)->manifest.image_size;
	int r;

	if (range->size == 0 || range->size > limit || range->offset > image ||
	    range->size > image - range->offset)
		return error_set(err, -EBADMSG, "the manifest places a boot loader piece wrongly");
	*out = malloc(range->size);
	if (!*out)
		return error_oom(err);
	r = io_pread_full(install->hold->fd, *out, range->size, slot->offset + range->offset);
	return r < 0 ? error_set(err, r, "cannot read slot a: %s", strerror(-r)) : 0;
}

static int place_esp(const struct install *install, struct error *err)
{
	const struct manifest *manifest = &bundle_head(install->bundle)->manifest;
	const struct plan_partition *slot = plan_partition(install->plan, LAYOUT_SLOT_A);
	const struct plan_partition *esp = plan_partition(install->plan, LAYOUT_ESP);
	const struct byte_range *range = install->plan->sector_bytes == 512
						 ? &manifest->boot_esp_512
						 : &manifest->boot_esp_4096;
	int r = place_esp_install(install->hold->fd, slot->offset + range->offset, range->size,
				  install->hold->fd, esp->offset, esp->size,
				  install->plan->sector_bytes, err);

	return r < 0 ? r : sync_disk(install, err);
}

static int place_bios(const struct install *install, struct error *err)
{
	const struct manifest *manifest = &bundle_head(install->bundle)->manifest;
	_cleanup_free_ uint8_t *boot = NULL, *core = NULL;
	struct place_bios images;
	int r;

	/* BIOS firmware can't boot disks with other sectors than 512 bytes. */
	if (install->plan->sector_bytes != 512)
		return marker_write(install->hold->fd, install->plan->disk_bytes,
				    install->plan->sector_bytes, MARKER_UEFI_ONLY, err);
	r = read_piece(install, &manifest->boot_img, PLACE_BOOT_SIZE, &boot, err);
	if (r == 0)
		r = read_piece(install, &manifest->boot_core, PLACE_CORE_MAX, &core, err);
	if (r < 0)
		return r;
	images = (struct place_bios){
		.boot = boot,
		.boot_size = manifest->boot_img.size,
		.core = core,
		.core_size = manifest->boot_core.size,
	};
	r = place_bios_install(install->hold->fd,
			       plan_partition(install->plan, LAYOUT_BIOS)->offset, &images, err);
	return r < 0 ? r : sync_disk(install, err);
}

static int find_partitions(struct install *install, struct error *err)
{
	/* For a device libblkid asks the kernel for the sector size. */
	uint32_t sector = install->disk->is_file ? install->plan->sector_bytes : 0;

	for (int number = 1; number <= LAYOUT_PARTITIONS; number++) {
		int r = blockdev_partition(install->hold->fd, sector, number,
					   &install->partitions[number - 1], err);

		if (r < 0)
			return error_wrap(err, r, "the new partition table");
	}
	return 0;
}

/* mke2fs wants the device for itself: ours is let go of for as long as that takes. */
static int make_state(const struct install *install, struct error *err)
{
	int r;

	cleanup_fd(&install->hold->guard);
	install->hold->guard = -1;
	r = state_write(install->disk->path, install->plan, install->config, install->config_size,
			err);
	if (r < 0)
		return r;
	r = refuse_guard(install->disk, install->hold);
	if (r < 0)
		return error_set(err, r, "%s was taken by someone else: %s", install->disk->path,
				 strerror(-r));
	return 0;
}

/* A file can get shorter meanwhile: its end held the backup partition table. */
static int check_size(const struct install *install, struct error *err)
{
	struct stat st;

	if (!install->disk->is_file)
		return 0;
	if (fstat(install->hold->fd, &st) < 0)
		return error_errno(err, "cannot look at the disk");
	if ((uint64_t)st.st_size != install->plan->disk_bytes)
		return error_set(err, -EIO, "the file's size changed from %llu to %lld bytes",
				 (unsigned long long)install->plan->disk_bytes,
				 (long long)st.st_size);
	return 0;
}

static void say(const struct install *install, const char *what)
{
	if (install->progress) {
		fprintf(install->progress, "%s\n", what);
		fflush(install->progress);
	}
}

int install_run(struct install *install, struct error *err)
{
	const struct plan *plan = install->plan;
	const struct plan_partition *slot_a = plan_partition(plan, LAYOUT_SLOT_A);
	const struct slot_writer slot = {
		.fd = install->hold->fd,
		.offset = slot_a->offset,
		.size = slot_a->size,
		.letter = 'a',
		.progress = {.out = install->progress},
	};
	int r;

	install->touched = true;
	say(install, "Partitioning");
	r = marker_write(install->hold->fd, plan->disk_bytes, plan->sector_bytes,
			 MARKER_INTERRUPTED, err);
	if (r == 0)
		r = partition_wipe(install->hold->fd, plan, err);
	if (r == 0)
		r = partition_write(install->disk->path, plan, err);
	if (r == 0)
		r = find_partitions(install, err);
	if (r < 0)
		return r;

	r = slot_write_image(&slot, install->bundle, err);
	install->bundle_result = r;
	if (r < 0)
		return r;

	say(install, "Making the state partition");
	r = make_state(install, err);
	if (r == 0)
		r = write_flip(install, err);
	/* From here on the slot is one; the boot loader comes when all else is on the medium. */
	if (r == 0)
		r = slot_write_descriptor(&slot, install->bundle, install->root_number, 0, err);
	if (r < 0)
		return r;

	say(install, "Placing the boot loader");
	r = check_size(install, err);
	if (r == 0)
		r = place_esp(install, err);
	return r < 0 ? r : place_bios(install, err);
}
