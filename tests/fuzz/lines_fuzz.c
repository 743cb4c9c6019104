/* Files of lines: what is read of them stays within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/services/containers.h"
#include "init/supervise/docker_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct docker_args args;
	struct containers containers = {0};
	size_t length = size < DOCKER_ARGS_SIZE ? size : DOCKER_ARGS_SIZE - 1;

	args = (struct docker_args){0};
	if (size > 0)
		memcpy(args.text, bytes, length);
	if (containers_read(&containers, args.text) == 0)
		for (size_t i = 0; i < containers.count; i++)
			if (!*containers.before[i].name ||
			    strpbrk(containers.before[i].name, " \n"))
				abort();
	containers_free(&containers);
	docker_args_parse(&args);
	for (size_t i = 0; i < args.arguments_count; i++)
		if (strncmp(args.arguments[i], "--", 2) != 0 || strchr(args.arguments[i], '\n'))
			abort();
	for (size_t i = 0; i < args.environment_count; i++)
		if (!strchr(args.environment[i], '=') || strchr(args.environment[i], '\n'))
			abort();
	return 0;
}
