#include "lib/epoch.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/fields.h"
#include "lib/io.h"

uint64_t epoch_seen(const char *path)
{
	_cleanup_fields_ struct fields fields = {0};

	return fields_read(path, &fields, NULL) < 0 ? 0 : fields_get_number(&fields, "epoch", 0);
}

int epoch_remember(const char *path, uint64_t epoch, struct error *err)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "epoch=%" PRIu64 "\n", epoch);

	if (epoch <= epoch_seen(path))
		return 0;
	return io_replace_file(path, text, (size_t)size, 0644, err);
}
