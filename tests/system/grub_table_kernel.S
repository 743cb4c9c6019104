/*
 * The kernel of the firmware tests of GRUB's decision: says its command line on
 * the serial port, waits for a byte there and resets the machine, so that GRUB
 * decides again. A bzImage as the Linux boot protocol 2.12 describes it
 * (Documentation/arch/x86/boot.rst), entered in 32-bit mode by GRUB's BIOS and
 * UEFI loaders alike.
 */
	.code32
	.text
	.globl _start
_start:
	.byte 'M', 'Z'
	.org 0x3c
	.long pe
	.org 0x40
pe:	.ascii "PE\0\0"
	.org pe + 24
	.word 0x20b		/* GRUB asks for a native image, then takes its older loader */

	.org 0x1f1
	.byte 1			/* setup_sects */
	.word 0
	.long (end - protected) / 16
	.word 0, 0, 0
	.word 0xaa55
	.byte 0xeb, header_end - 0x202
	.ascii "HdrS"
	.word 0x020c
	.org 0x211
	.byte 1			/* loadflags: loaded high */
	.org 0x214
	.long 0x100000		/* code32_start */
	.org 0x22c
	.long 0x7fffffff	/* initrd_addr_max */
	.long 0x1000		/* kernel_alignment */
	.byte 1, 12		/* relocatable, min_alignment */
	.word 0			/* xloadflags: no 64-bit entry */
	.long 2047		/* cmdline_size */
	.org 0x258
	.quad 0x1000000		/* pref_address */
	.long 0x10000		/* init_size */
	.long 0
header_end:

	.org 0x400
protected:
	cld
	movl 0x228(%esi), %ebx	/* cmd_line_ptr */
	call here
here:	popl %ebp
	leal text - here(%ebp), %esi
	call print
	movl %ebx, %esi
	call print
	leal line - here(%ebp), %esi
	call print

	movw $0x3fd, %dx
listen:	inb %dx, %al
	testb $0x01, %al
	jz listen
	movw $0xcf9, %dx	/* reset control register: PIIX3 and ICH9 have it */
	movb $0x02, %al
	outb %al, %dx
	movb $0x06, %al
	outb %al, %dx
stop:	hlt
	jmp stop

print:	movw $0x3fd, %dx
wait:	inb %dx, %al
	testb $0x20, %al
	jz wait
	lodsb
	testb %al, %al
	jz done
	movw $0x3f8, %dx
	outb %al, %dx
	jmp print
done:	ret

text:	.asciz "\r\n\nkernel: "
line:	.asciz "\r\n"
	.org 0x1000
end:
