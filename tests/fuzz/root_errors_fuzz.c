/* Records of the kernel's log, in which PID 1 looks for errors of the root's disk. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/supervise/root_errors.h"
#include "lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_free_ char *record = strndup((const char *)bytes, size);
	const struct root_area area = {"nvme0n1", 0, UINT64_MAX};

	(void)root_errors_match(record, &area);
	return 0;
}
