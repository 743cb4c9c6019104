#include "lib/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void program_begin(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", O_RDWR) != fd) /* open(2) takes the lowest that is free */
			_exit(EXIT_FAILURE);
	signal(SIGXFSZ, SIG_IGN);
}

int program_end(const char *name, int status)
{
	bool lost = ferror(stdout);

	errno = EIO;
	if (fflush(stdout) == 0 && !lost)
		return status;
	fprintf(stderr, "%s: cannot write the output: %s\n", name, strerror(errno));
	return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}
