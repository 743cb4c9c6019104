#include "init/boot/verity_dm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "lib/cleanup.h"
#include "lib/hex.h"

enum { SECTOR = 512 };

/* One ioctl's buffer: the header, then a target and its parameters. */
union request {
	struct dm_ioctl io;
	char bytes[2048];
};

static void start(union request *request, const char *name, unsigned int flags)
{
	memset(request, 0, sizeof(*request));
	request->io.version[0] = DM_VERSION_MAJOR;
	request->io.data_size = sizeof(*request);
	request->io.data_start = sizeof(request->io);
	request->io.flags = flags;
	snprintf(request->io.name, sizeof(request->io.name), "%s", name);
}

static int open_control(void)
{
	return open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
}

static void put_target(union request *request, const char *device,
		       const struct verity_params *params)
{
	struct dm_target_spec *target = (void *)(request->bytes + sizeof(request->io));
	char *text = request->bytes + sizeof(request->io) + sizeof(*target);
	char root[HASH_HEX_SIZE], salt[HASH_HEX_SIZE];

	hex_encode(params->root_hash, HASH_SIZE, root);
	hex_encode(params->salt, VERITY_SALT_SIZE, salt);
	request->io.target_count = 1;
	target->length = params->data_blocks * (VERITY_BLOCK / SECTOR);
	snprintf(target->target_type, sizeof(target->target_type), "verity");
	snprintf(text, sizeof(*request) - (size_t)(text - request->bytes),
		 "1 %s %s %d %d %llu %llu sha256 %s %s", device, device, VERITY_BLOCK, VERITY_BLOCK,
		 (unsigned long long)params->data_blocks,
		 (unsigned long long)params->hash_start_block, root, salt);
}

int verity_dm_open(const char *name, const char *device, const struct verity_params *params,
		   char *node, size_t node_size, struct error *err)
{
	union request request;
	_cleanup_fd_ int control = open_control();

	if (control < 0)
		return error_errno(err, "cannot open device-mapper's control device");

	start(&request, name, DM_READONLY_FLAG);
	if (ioctl(control, DM_DEV_CREATE, &request) < 0)
		return error_errno(err, "cannot create the dm-verity device %s", name);
	/* The kernel's own encoding of a device number (new_encode_dev). */
	snprintf(node, node_size, "/dev/dm-%u", minor((dev_t)request.io.dev));

	start(&request, name, DM_READONLY_FLAG);
	put_target(&request, device, params);
	if (ioctl(control, DM_TABLE_LOAD, &request) < 0) {
		int r = error_errno(err, "the kernel refuses dm-verity over %s", device);

		start(&request, name, 0);
		(void)ioctl(control, DM_DEV_REMOVE, &request);
		return r;
	}

	start(&request, name, 0); /* without DM_SUSPEND_FLAG: resume */
	if (ioctl(control, DM_DEV_SUSPEND, &request) < 0)
		return error_errno(err, "cannot start the dm-verity device %s", name);
	return 0;
}

int verity_dm_corrupt(const char *name)
{
	union request request;
	const char *status;
	_cleanup_fd_ int control = open_control();

	if (control < 0)
		return -errno;
	start(&request, name, DM_NOFLUSH_FLAG);
	if (ioctl(control, DM_TABLE_STATUS, &request) < 0)
		return -errno;
	if (request.io.target_count != 1 ||
	    request.io.data_start > sizeof(request) - sizeof(struct dm_target_spec) - 2)
		return -EBADMSG;
	/* "V": all that was read verified; "C": something did not. */
	status = request.bytes + request.io.data_start + sizeof(struct dm_target_spec);
	return *status == 'C';
}
