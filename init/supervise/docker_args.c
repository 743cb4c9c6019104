#include "init/supervise/docker_args.h"

#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

static void add(const char **list, size_t *count, const char *item)
{
	if (*count < DOCKER_ARGS_MAX)
		list[(*count)++] = item;
}

void docker_args_parse(struct docker_args *out)
{
	char *rest = out->text, *line;

	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, "--", 2) == 0)
			add(out->arguments, &out->arguments_count, line);
		else if (strchr(line, '=') && line[0] != '=')
			add(out->environment, &out->environment_count, line);
	}
}

void docker_args_read(const char *path, struct docker_args *out)
{
	_cleanup_fd_ int fd = io_open_regular(AT_FDCWD, path, O_RDONLY, 0);
	ssize_t size;

	*out = (struct docker_args){0};
	if (fd < 0)
		return;
	size = io_read_full(fd, out->text, sizeof(out->text));
	/* One that does not fit is no work of the service manager's. */
	if (size < 0 || (size_t)size == sizeof(out->text))
		return;
	out->text[size] = '\0';
	docker_args_parse(out);
}
