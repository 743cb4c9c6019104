#include "installer/confirm.h"

#include <string.h>

#include "lib/size.h"

/* What the disk says of itself: printed without what would steer the terminal (C0, DEL, C1). */
static void put_foreign(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];
		bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0; /* in UTF-8 */

		fputc(c < ' ' || c == 0x7f || is_c1 ? '?' : c, out);
		text += is_c1;
	}
}

void confirm_show_disk(FILE *out, const struct blockdev *disk, const struct content *content)
{
	char size[SIZE_TEXT_SIZE], words[2 * CONTENT_TEXT_SIZE];

	fprintf(out, "Disk %s: ", disk->path);
	put_foreign(out, disk->is_file    ? "plain file"
			 : disk->model[0] ? disk->model
					  : "no model name");
	fprintf(out, ", %s, sectors of %u bytes\n", size_text(disk->size_bytes, size),
		disk->sector_bytes);
	if (!content_is_data(content)) {
		fputs("  holds nothing\n", out);
		return;
	}
	fputs("  holds", out);
	if (content->table[0])
		fprintf(out, " a partition table (%s) with %zu partition%s", content->table,
			content->partitions, content->partitions == 1 ? "" : "s");
	if (content->unknown)
		fprintf(out, "%s data of a kind unknown here\n", content->table[0] ? " and" : "");
	else
		fputs(":\n", out);
	for (size_t i = 0; i < content->count; i++) {
		const struct content_item *item = &content->items[i];

		if (item->number)
			fprintf(out, "  %3d  %10s  ", item->number,
				size_text(item->size_bytes, size));
		else
			fprintf(out, "  all  %10s  ", size_text(item->size_bytes, size));
		fprintf(out, "%s%s", content_describe(item, words), item->label[0] ? " \"" : "");
		put_foreign(out, item->label);
		fputs(item->label[0] ? "\"\n" : "\n", out);
	}
	if (content->partitions > CONTENT_ITEMS_MAX)
		fprintf(out, "  and %zu more\n", content->partitions - CONTENT_ITEMS_MAX);
}

void confirm_show_plan(FILE *out, const struct plan *plan, const struct manifest *manifest)
{
	char size[SIZE_TEXT_SIZE], image[SIZE_TEXT_SIZE];

	fprintf(out, "Proa %s (Linux %s, Docker %s, image %s) makes of it:\n", manifest->version,
		manifest->kernel, manifest->docker, size_text(manifest->image_size, image));
	for (int i = 0; i < LAYOUT_PARTITIONS; i++)
		fprintf(out, "  %3d  %10s  %s\n", i + 1, size_text(plan->partitions[i].size, size),
			plan->partitions[i].label);
}
