#include "installer/marker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/io.h"

/*
 * The firmware loads these bytes to 0x7c00 in real mode. They print the line on
 * the screen, then on the first serial port (servers have no screen), and hand
 * on to the next boot device, where the installer may wait.
 * Interrupts 10h (AH=0Eh), 14h and 18h: the IBM PC BIOS interface.
 */
__asm__(".pushsection .rodata\n"
	".code16\n"
	"marker_code:\n"
	"	cli\n"
	"	xorw %ax, %ax\n"
	"	movw %ax, %ds\n"
	"	movw %ax, %ss\n"
	"	movw $0x7c00, %sp\n"
	"	sti\n"
	"	cld\n"
	"	movw $(0x7c00 + marker_text - marker_code), %si\n"
	"1:	lodsb\n"
	"	testb %al, %al\n"
	"	jz 2f\n"
	"	movb $0x0e, %ah\n"
	"	movw $0x0007, %bx\n"
	"	pushw %si\n"
	"	int $0x10\n"
	"	popw %si\n"
	"	jmp 1b\n"
	"2:	xorw %dx, %dx\n"
	"	movw $0x00e3, %ax\n" /* 9600 baud, 8N1 */
	"	int $0x14\n"
	"	movw $(0x7c00 + marker_text - marker_code), %si\n"
	"3:	lodsb\n"
	"	testb %al, %al\n"
	"	jz 4f\n"
	"	movb $0x01, %ah\n"
	"	xorw %dx, %dx\n"
	"	pushw %si\n"
	"	int $0x14\n"
	"	popw %si\n"
	"	jmp 3b\n"
	"4:	int $0x18\n"
	"5:	hlt\n"
	"	jmp 5b\n"
	"marker_text:\n" /* the line follows here */
	".code64\n"
	"	.balign 2\n"
	"marker_code_size:\n"
	"	.short marker_text - marker_code\n"
	".popsection\n");

extern const uint8_t marker_code[] __attribute__((visibility("hidden")));
extern const uint16_t marker_code_size __attribute__((visibility("hidden")));

enum {
	MBR_CODE_SIZE = 440,
	MBR_ENTRY = 446, /* the first of four partition entries */
	MBR_SIGNATURE = 510,
	SECTOR_MAX = 4096,
};

int marker_write(int fd, uint64_t disk_bytes, uint32_t sector_bytes, const char *line,
		 struct error *err)
{
	uint8_t sector[SECTOR_MAX] = {0};
	size_t code_size = marker_code_size;
	uint64_t sectors = disk_bytes / sector_bytes - 1;
	uint8_t *entry = sector + MBR_ENTRY;
	int r;

	if (code_size + strlen(line) + 5 > MBR_CODE_SIZE || sector_bytes > SECTOR_MAX)
		return error_set(err, -EINVAL, "the boot code does not fit the first sector");
	memcpy(sector, marker_code, code_size);
	snprintf((char *)sector + code_size, MBR_CODE_SIZE - code_size, "\r\n%s\r\n", line);
	entry[2] = 0x02; /* CHS 0/0/2, which is LBA 1 */
	entry[4] = 0xee; /* GPT protective */
	memset(entry + 5, 0xff, 3);
	bytes_put_le32(entry + 8, 1);
	bytes_put_le32(entry + 12, sectors > UINT32_MAX ? UINT32_MAX : (uint32_t)sectors);
	bytes_put_le16(sector + MBR_SIGNATURE, 0xaa55);
	r = io_pwrite_full(fd, sector, sector_bytes, 0);
	if (r < 0 || fsync(fd) < 0) {
		errno = r < 0 ? -r : errno;
		return error_errno(err, "cannot write the disk's first sector");
	}
	return 0;
}
