/* The flip block and a record of the boot log: what is whole is rendered as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/bootlog.h"
#include "bootloader/flip.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t block[FLIP_BLOCK_SIZE] = {0}, again[FLIP_BLOCK_SIZE];
	uint8_t record[BOOTLOG_RECORD_SIZE] = {0};
	struct bootlog_record log;
	struct flip flip, reread;

	memcpy(block, bytes, size < sizeof(block) ? size : sizeof(block));
	memcpy(record, bytes, size < sizeof(record) ? size : sizeof(record));
	(void)bootlog_parse(record, &log);
	if (flip_parse(block, &flip, NULL) < 0)
		return 0;
	flip_render(&flip, again);
	if (flip_parse(again, &reread, NULL) < 0 || !flip_equal(&flip, &reread))
		abort();
	return 0;
}
