#include "init/hurry.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "init/boot/modules.h"
#include "init/supervise/child.h"
#include "lib/cleanup.h"
#include "lib/io.h"

/* modules-load.d(5): a name a line; lines that begin with # or ; say something to people. */
#define LIST "/usr/lib/modules-load.d/proa.conf"

enum { LIST_SIZE_MAX = 16 << 10 };

static void set_expedited(const char *value)
{
	_cleanup_fd_ int fd = open("/sys/kernel/rcu_expedited", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)io_write_full(fd, value, strlen(value));
}

void hurry_start(void)
{
	set_expedited("1");
}

void hurry_end(void)
{
	set_expedited("0");
}

/* In the child; its output is the log "modules". */
static int load_list(void)
{
	_cleanup_modules_ struct modules *modules = NULL;
	_cleanup_free_ char *list = NULL;
	struct error err = ERROR_INIT;
	char *rest, *name;
	size_t size;

	if (io_read_file(LIST, LIST_SIZE_MAX, &list, &size, &err) < 0 ||
	    modules_open_running(&modules, &err) < 0) {
		printf("%s\n", err.message);
		return 1;
	}
	rest = list;
	while ((name = strsep(&rest, "\n"))) {
		name += strspn(name, " \t");
		name[strcspn(name, " \t")] = '\0';
		if (*name && *name != '#' && *name != ';' && modules_load(modules, name, &err) < 0)
			printf("%s\n", err.message); /* whoever needs it will say so again */
	}
	return 0;
}

void hurry_load_modules(void)
{
	static struct child loader = {.name = "modules", .run = load_list};

	child_start(&loader);
}
