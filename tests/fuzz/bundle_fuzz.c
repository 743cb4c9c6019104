/* A bundle, unsigned ones too: from the tar's first byte to its last. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_fd_ int fd = memfd_create("bundle", MFD_CLOEXEC);
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const uint8_t *data;
	uint64_t offset;
	size_t data_size;

	if (io_write_full(fd, bytes, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	if (bundle_open(fd, NULL, &bundle, NULL) < 0)
		return 0;
	while (bundle_next(bundle, &data, &data_size, &offset, NULL) == 1)
		;
	return 0;
}
