#include "installer/report.h"

#include <errno.h>

#include "lib/hex.h"
#include "lib/json.h"

static int print(FILE *out, const json_t *json)
{
	if (!json)
		return -ENOMEM;
	return json_dumpf(json, out, JSON_INDENT(2)) < 0 || fputc('\n', out) < 0 || fflush(out) < 0
		       ? -EIO
		       : 0;
}

static json_t *partitions(const struct install *install)
{
	json_t *list = json_array();

	for (int i = 0; list && i < LAYOUT_PARTITIONS; i++) {
		const struct plan_partition *p = &install->plan->partitions[i];
		json_t *item =
			json_pack("{s:i, s:s, s:I, s:I}", "number", i + 1, "label", p->label,
				  "offset", (json_int_t)p->offset, "size", (json_int_t)p->size);

		if (item && install->touched)
			json_object_set_new(item, "uuid", json_string(install->partitions[i].uuid));
		json_array_append_new(list, item);
	}
	return list;
}

void report_people(FILE *out, const struct install *install, const char *efi_entry)
{
	const struct manifest *manifest = &bundle_head(install->bundle)->manifest;

	if (!install->touched) {
		fprintf(out, "Nothing was written: --dry-run.\n");
		return;
	}
	fprintf(out, "Proa %s is installed on %s, in slot A.\n", manifest->version,
		install->disk->path);
	if (efi_entry)
		fprintf(out, "The firmware's boot menu has it first: %s.\n", efi_entry);
	if (install->plan->sector_bytes != 512)
		fprintf(out, "It boots in UEFI mode only, for its sectors of %u bytes.\n",
			install->plan->sector_bytes);
}

int report_json(FILE *out, const struct install *install, const char *efi_entry, double seconds)
{
	const struct bundle_head *head = bundle_head(install->bundle);
	char root_hash[HASH_HEX_SIZE];
	_cleanup_json_ json_t *json = NULL;

	hex_encode(head->manifest.root_hash, HASH_SIZE, root_hash);
	json = json_pack(
		"{s:s, s:o, s:I, s:i, s:s, s:s, s:s, s:s, s:o, s:s?, s:f}", "result",
		install->touched ? "installed" : "planned", "disk", json_text(install->disk->path),
		"disk_size", (json_int_t)install->plan->disk_bytes, "sector_size",
		(int)install->plan->sector_bytes, "version", head->manifest.version, "architecture",
		head->manifest.architecture, "root_hash", root_hash, "signed_by", head->signer.id,
		"partitions", partitions(install), "efi_entry", efi_entry, "seconds", seconds);
	return print(out, json);
}

int report_json_failure(FILE *out, int exit_code, const char *message, bool touched)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:i, s:o, s:b}", "result", "failed", "exit", exit_code, "error",
			  json_text(message), "disk_touched", touched);

	return print(out, json);
}
