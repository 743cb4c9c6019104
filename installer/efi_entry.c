#include "installer/efi_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/format/layout.h"
#include "lib/io.h"

/* UEFI specification 2.10: §3.1.3 (load option), §10.3 (device paths), §3.3 (variables). */
#define GLOBAL_VARIABLE "8be4df61-93ca-11d2-aa0d-00e098032b8c"
enum {
	LOAD_OPTION_ACTIVE = 1,
	VARIABLE_ATTRIBUTES = 7, /* non-volatile, boot service, run time */
	NODE_MEDIA = 4,
	NODE_MEDIA_HARD_DRIVE = 1,
	NODE_MEDIA_HARD_DRIVE_SIZE = 42,
	NODE_MEDIA_FILE = 4,
	NODE_END = 0x7f,
	NODE_END_ENTIRE = 0xff,
	ORDER_MAX = 1024, /* bytes of BootOrder */
	LOOP_MAJOR = 7,
};

/* ASCII as UTF-16 with its NUL; returns the bytes written. */
static size_t put_text(uint8_t *out, const char *text)
{
	size_t length = strlen(text) + 1;

	for (size_t i = 0; i < length; i++)
		bytes_put_le16(out + 2 * i, (uint16_t)(unsigned char)text[i]);
	return 2 * length;
}

static void put_node(uint8_t *out, uint8_t type, uint8_t subtype, size_t size)
{
	out[0] = type;
	out[1] = subtype;
	bytes_put_le16(out + 2, (uint16_t)size);
}

size_t efi_entry_render(const struct blockdev_partition *esp, uint32_t sector_bytes,
			uint8_t out[EFI_ENTRY_SIZE_MAX])
{
	uint8_t *at = out + 6, *path;
	size_t size;
	uuid_t u;

	if (uuid_parse(esp->uuid, u) != 0)
		return 0;
	bytes_put_le32(out, LOAD_OPTION_ACTIVE);
	at += put_text(at, "Proa");
	path = at;

	put_node(at, NODE_MEDIA, NODE_MEDIA_HARD_DRIVE, NODE_MEDIA_HARD_DRIVE_SIZE);
	bytes_put_le32(at + 4, LAYOUT_ESP);
	bytes_put_le64(at + 8, esp->offset / sector_bytes);
	bytes_put_le64(at + 16, esp->size / sector_bytes);
	/* The first three fields of a GUID are little-endian. */
	const uint8_t guid[16] = {u[3], u[2], u[1],  u[0],  u[5],  u[4],  u[7],  u[6],
				  u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]};
	memcpy(at + 24, guid, sizeof(guid));
	at[40] = 2; /* GPT */
	at[41] = 2; /* the signature is a GUID */
	at += NODE_MEDIA_HARD_DRIVE_SIZE;

	size = 4 + put_text(at + 4, "\\EFI\\BOOT\\BOOTX64.EFI");
	put_node(at, NODE_MEDIA, NODE_MEDIA_FILE, size);
	at += size;
	put_node(at, NODE_END, NODE_END_ENTIRE, 4);
	at += 4;
	bytes_put_le16(out + 4, (uint16_t)(at - path));
	return (size_t)(at - out);
}

static void variable_path(char *out, size_t size, const char *folder, const char *name)
{
	snprintf(out, size, "%s/%s-" GLOBAL_VARIABLE, folder, name);
}

/* efivarfs takes a variable in one write, its attributes in front. */
static int write_variable(const char *folder, const char *name, const uint8_t *data, size_t size,
			  int flags, struct error *err)
{
	uint8_t bytes[4 + ORDER_MAX + EFI_ENTRY_SIZE_MAX];
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	variable_path(path, sizeof(path), folder, name);
	bytes_put_le32(bytes, VARIABLE_ATTRIBUTES);
	memcpy(bytes + 4, data, size);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
	if (fd < 0)
		return error_errno(err, "cannot open the variable %s", name);
	n = write(fd, bytes, size + 4);
	if (n != (ssize_t)size + 4) {
		errno = n < 0 ? errno : EIO;
		return error_errno(err, "cannot write the variable %s", name);
	}
	return 0;
}

/* The present order, behind two bytes for ours. Returns the bytes of it. */
static int read_order(const char *folder, uint8_t order[ORDER_MAX], size_t *size, struct error *err)
{
	uint8_t bytes[4 + ORDER_MAX];
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	*size = 0;
	variable_path(path, sizeof(path), folder, "BootOrder");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot read the boot order");
	n = io_read_full(fd, bytes, sizeof(bytes));
	if (n < 4 || n % 2 != 0 || n - 4 > ORDER_MAX - 2)
		return error_set(err, n < 0 ? (int)n : -EBADMSG, "the boot order is unreadable");
	*size = (size_t)n - 4;
	memcpy(order + 2, bytes + 4, *size);
	return 0;
}

int efi_entry_add_in(const char *folder, const struct blockdev_partition *esp,
		     uint32_t sector_bytes, char *text, size_t text_size, struct error *err)
{
	uint8_t entry[EFI_ENTRY_SIZE_MAX], order[ORDER_MAX];
	size_t entry_size = efi_entry_render(esp, sector_bytes, entry), order_size;
	unsigned int number;
	char name[9] = "", path[PATH_MAX];
	int r;

	if (entry_size == 0)
		return error_set(err, -EINVAL, "the ESP has no GUID");
	r = read_order(folder, order, &order_size, err);
	if (r < 0)
		return r;
	for (number = 0; number <= UINT16_MAX; number++) {
		snprintf(name, sizeof(name), "Boot%04X", number & UINT16_MAX);
		variable_path(path, sizeof(path), folder, name);
		if (access(path, F_OK) < 0)
			break;
	}
	if (number > UINT16_MAX)
		return error_set(err, -ENOSPC, "the firmware's boot entries are all taken");
	r = write_variable(folder, name, entry, entry_size, O_EXCL, err);
	if (r < 0)
		return r;
	bytes_put_le16(order, (uint16_t)number);
	r = write_variable(folder, "BootOrder", order, order_size + 2, 0, err);
	if (r < 0) {
		unlink(path);
		return r;
	}
	snprintf(text, text_size, "%s Proa", name);
	return 0;
}

static bool is_efivarfs(void)
{
	struct statfs fs;

	return statfs(EFI_ENTRY_VARIABLES, &fs) == 0 && fs.f_type == EFIVARFS_MAGIC;
}

/*
 * Rescue systems and Proa itself have the folder, with nothing mounted there. This mount
 * stands in no folder: it ends with its descriptor, and nobody else sees it.
 */
static int mount_variables(void)
{
	_cleanup_fd_ int context = fsopen("efivarfs", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

int efi_entry_add(const struct blockdev *disk, const struct blockdev_partition *esp,
		  uint32_t sector_bytes, char *text, size_t text_size, struct error *err)
{
	_cleanup_fd_ int variables = -1;
	char folder[32];

	text[0] = '\0';
	/* The kernel makes the folder where it was started by UEFI. */
	if (disk->is_file || disk->removable || major(disk->device) == LOOP_MAJOR ||
	    access(EFI_ENTRY_VARIABLES, F_OK) < 0)
		return 0;
	if (is_efivarfs())
		return efi_entry_add_in(EFI_ENTRY_VARIABLES, esp, sector_bytes, text, text_size,
					err);
	variables = mount_variables();
	/* Some firmware, and a kernel told "efi=noruntime", has none for a running system. */
	if (variables < 0 && (errno == EOPNOTSUPP || errno == ENODEV))
		return 0;
	if (variables < 0)
		return error_errno(err, "cannot mount the firmware's variables");
	snprintf(folder, sizeof(folder), "/proc/self/fd/%d", variables);
	return efi_entry_add_in(folder, esp, sector_bytes, text, text_size, err);
}
