/* The gate's baseline: whatever the file holds, names are found in it and printed within bounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "init/services/baseline.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define RELEASE "0"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_fd_ int fd = memfd_create("baseline", MFD_CLOEXEC);
	struct baseline baseline;
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || io_write_full(fd, bytes, size) < 0)
		abort();
	baseline_read(path, RELEASE, &baseline);
	memset(text, 'x', sizeof(text));
	baseline_print(&baseline, text, sizeof(text));
	if (!memchr(text, '\0', sizeof(text)))
		abort();
	(void)baseline_has(baseline.checks, "50-web");
	(void)baseline_has(baseline.containers, "web");
	baseline_free(&baseline);
	return 0;
}
