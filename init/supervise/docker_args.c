#include "init/supervise/docker_args.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

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
	/* A pipe in the file's place must not hold up PID 1. */
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat status;
	ssize_t size;

	*out = (struct docker_args){0};
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return;
	size = io_read_full(fd, out->text, sizeof(out->text));
	/* One that does not fit is no work of the service manager's. */
	if (size < 0 || (size_t)size == sizeof(out->text))
		return;
	out->text[size] = '\0';
	docker_args_parse(out);
}
