/* LD_PRELOAD: rename(2) as usual, and SIGKILL behind the one that KILL_AT_RENAME counts to. */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int rename(const char *from, const char *to)
{
	static int count;
	const char *at = getenv("KILL_AT_RENAME");
	int r = (int)syscall(SYS_rename, from, to);

	if (at && ++count == atoi(at))
		kill(getpid(), SIGKILL);
	return r;
}
