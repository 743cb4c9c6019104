/*
 * Stops PID 1, which no signal can: as root, ptrace(2) may. It stays stopped for
 * as long as this program lives. Static: it is run from the state partition.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void)
{
	if (ptrace(PTRACE_SEIZE, 1, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, 1, 0, 0) < 0) {
		fprintf(stderr, "cannot stop PID 1: %s\n", strerror(errno));
		return 1;
	}
	for (;;)
		pause();
}
