/*
 * What tests/system/test_grub_table.py needs from C: the model's answers, and
 * disks made by the boot loader's own code.
 *
 *   grub_table model           one row a line on standard input, one answer a line
 *   grub_table flipfs ARGS     proa-flip as the installer writes it, to standard output
 *   grub_table place DISK BIOS_OFFSET ESP_OFFSET ESP_SIZE SECTOR_SIZE IMAGES
 *   grub_table update DISK BIOS_OFFSET IMAGES
 *
 * A row: BLOCK MIRROR (1024 hex digits each) WRITABLE KERNEL_A KERNEL_B CLOCK TOK, where a kernel
 * is 0 (unreadable), 1 (whole) or 2 (damaged).
 * An answer: SLOT (or "-" for a restart) FELLBACK LASTRESORT UNSAVED FLIP (or "-") BLOCK.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/args.h"
#include "bootloader/flip.h"
#include "bootloader/flipfs.h"
#include "bootloader/place.h"
#include "bootloader/rules.h"
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"

enum { HEX = 2 * FLIP_BLOCK_SIZE };

static bool save_heals(const uint8_t block[FLIP_BLOCK_SIZE])
{
	uint8_t saved[FLIP_BLOCK_SIZE];
	struct flip flip, found;

	flip_init(&flip);
	memcpy(saved, block, sizeof(saved));
	flip_save_like_grub(&flip, saved);
	return flip_parse(saved, &found, NULL) == 0 && flip_equal(&flip, &found);
}

static int answer(const char *block_hex, const char *mirror_hex, int writable, int kernel_a,
		  int kernel_b, int clock, const char *tok)
{
	uint8_t block[FLIP_BLOCK_SIZE], mirror[FLIP_BLOCK_SIZE];
	struct flip block_flip, mirror_flip;
	struct rules_choice choice;
	char text[FLIP_TEXT_SIZE] = "-", after[HEX + 1];
	struct rules_boot boot = {.readable = {kernel_a, kernel_b},
				  .damaged = {kernel_a == 2, kernel_b == 2},
				  .clock = clock};

	if (hex_decode(block_hex, block, sizeof(block)) < 0 ||
	    hex_decode(mirror_hex, mirror, sizeof(mirror)) < 0 || strlen(tok) != FLIP_TOK_LENGTH)
		return -EINVAL;
	memcpy(boot.tok, tok, sizeof(boot.tok));
	if (flip_parse(block, &block_flip, NULL) == 0)
		boot.block = &block_flip;
	if (flip_parse(mirror, &mirror_flip, NULL) == 0)
		boot.mirror = &mirror_flip;
	boot.saves = writable && save_heals(block);

	rules_grub_choose(&boot, &choice);
	if (choice.known) {
		if (!choice.unsaved)
			flip_save_like_grub(&choice.block, block);
		else if (writable)
			flip_save_like_grub(&choice.failed_save, block);
		flip_text(&choice.block, text);
	}
	hex_encode(block, sizeof(block), after);
	printf("%c %d %d %d %s %s\n", choice.reboots ? '-' : flip_letter(choice.slot),
	       choice.fellback, choice.lastresort, choice.unsaved, text, after);
	return 0;
}

static int model(void)
{
	char block[HEX + 1], mirror[HEX + 1], tok[8];
	int writable, kernel_a, kernel_b, clock, n;

	while ((n = scanf("%1024s %1024s %d %d %d %d %7s", block, mirror, &writable, &kernel_a,
			  &kernel_b, &clock, tok)) == 7) {
		if (answer(block, mirror, writable, kernel_a, kernel_b, clock, tok) < 0)
			return 1;
	}
	return n == EOF ? 0 : 1;
}

static int flipfs(const char *text)
{
	static uint8_t partition[FLIPFS_SIZE];
	struct args args = {.menu = false};
	struct flip flip;

	if (args_check(text, NULL) < 0)
		return 1;
	snprintf(args.text, sizeof(args.text), "%s", text);
	flip_init(&flip);
	flipfs_render(partition, &flip, &args);
	return io_write_full(1, partition, sizeof(partition)) < 0;
}

struct images {
	char *boot, *core;
	struct place_bios bios;
};

static int load(const char *folder, struct images *images, struct error *err)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/boot.img", folder);
	r = io_read_file(path, 4096, &images->boot, &images->bios.boot_size, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/core.img", folder);
	r = io_read_file(path, 2 << 20, &images->core, &images->bios.core_size, err);
	images->bios.boot = (const uint8_t *)images->boot;
	images->bios.core = (const uint8_t *)images->core;
	return r;
}

static int place(char **argv, struct error *err)
{
	uint64_t bios = strtoull(argv[3], NULL, 10), esp = strtoull(argv[4], NULL, 10);
	uint64_t esp_size = strtoull(argv[5], NULL, 10);
	uint32_t sector_size = (uint32_t)strtoul(argv[6], NULL, 10);
	_cleanup_fd_ int fd = open(argv[2], O_RDWR | O_CLOEXEC);
	_cleanup_fd_ int source = -1;
	struct images images = {.boot = NULL};
	char path[4096];
	int r = load(argv[7], &images, err);

	if (r < 0)
		return r;
	if (sector_size == 512)
		r = place_bios_install(fd, bios, &images.bios, err);
	free(images.boot);
	free(images.core);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/esp-%u.img", argv[7], sector_size);
	source = open(path, O_RDONLY | O_CLOEXEC);
	if (source < 0)
		return error_errno(err, "cannot open %s", path);
	return place_esp_install(source, 0, (uint64_t)lseek(source, 0, SEEK_END), fd, esp, esp_size,
				 sector_size, err);
}

static int update(char **argv, struct error *err)
{
	_cleanup_fd_ int fd = open(argv[2], O_RDWR | O_CLOEXEC);
	struct images images = {.boot = NULL};
	int r = load(argv[4], &images, err);

	if (r == 0)
		r = place_bios_update(fd, strtoull(argv[3], NULL, 10), &images.bios, err);
	free(images.boot);
	free(images.core);
	return r;
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int r;

	if (argc == 2 && strcmp(argv[1], "model") == 0)
		return model();
	if (argc == 3 && strcmp(argv[1], "flipfs") == 0)
		return flipfs(argv[2]);
	if (argc == 8 && strcmp(argv[1], "place") == 0) {
		r = place(argv, &err);
	} else if (argc == 5 && strcmp(argv[1], "update") == 0) {
		r = update(argv, &err);
	} else {
		fprintf(stderr, "grub_table: see the head of its source\n");
		return 2;
	}
	if (r < 0)
		fprintf(stderr, "grub_table: %s\n", err.message);
	return r < 0;
}
