#include "init/supervise/stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init/record.h"
#include "init/say.h"
#include "init/supervise/daemons.h"
#include "init/supervise/history.h"
#include "init/supervise/mounts.h"
#include "init/watchdog.h"
#include "lib/console.h"

enum {
	LAST_TERM_MS = 5 * 1000, /* for what is left after the daemons */
	LAST_KILL_MS = 5 * 1000,
	GUARD_S = 60, /* for file systems that do not come to an end */
};

static enum stop_kind requested;
static bool by_person;

void stop_request(enum stop_kind kind, bool person)
{
	if (requested != STOP_NONE)
		return;
	requested = kind;
	by_person = person;
}

enum stop_kind stop_requested(void)
{
	return requested;
}

static _Noreturn void end_machine(void)
{
	static const unsigned int orders[] = {
		[STOP_NONE] = RB_AUTOBOOT,
		[STOP_REBOOT] = RB_AUTOBOOT,
		[STOP_POWEROFF] = RB_POWER_OFF,
		[STOP_HALT] = RB_HALT_SYSTEM,
	};

	reboot((int)orders[requested]);
	_exit(1); /* refused? PID 1's end is a panic, and the kernel reboots by panic= */
}

/* Reaps until no process is left, or the time is over. */
static void reap_all(uint64_t timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	uint64_t end = console_now_ms() + timeout_ms;

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid > 0)
			continue;
		/* Every process hangs from PID 1 by its ancestors: no child means no process. */
		if ((pid < 0 && errno == ECHILD) || console_now_ms() >= end)
			return;
		nanosleep(&pause, NULL);
	}
}

/* A process that ends the machine where PID 1 hangs in a file system that no longer answers. */
static void start_guard(void)
{
	if (fork() == 0) {
		sleep(GUARD_S);
		end_machine();
	}
}

_Noreturn void stop_run(struct gate *gate)
{
	static const char *const words[] = {
		[STOP_NONE] = "rebooting",
		[STOP_REBOOT] = "rebooting",
		[STOP_POWEROFF] = "powering off",
		[STOP_HALT] = "halting",
	};
	static const enum bootlog_end ends[] = {
		[STOP_NONE] = BOOTLOG_REBOOT,
		[STOP_REBOOT] = BOOTLOG_REBOOT,
		[STOP_POWEROFF] = BOOTLOG_POWEROFF,
		[STOP_HALT] = BOOTLOG_HALT,
	};

	say("stopping");
	daemons_stop();
	/* Before anything that may hang: the write is small, and what it says is already true. */
	if (gate->verdict == GATE_PASSED || by_person)
		gate_leave(gate);
	history_harvest(gate->facts);

	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	reap_all(LAST_TERM_MS);
	kill(-1, SIGKILL);
	reap_all(LAST_KILL_MS);

	start_guard();
	mounts_leave();
	if (gate->verdict != GATE_FAILED || gate->stays)
		record_end(ends[requested], "");
	if (requested == STOP_HALT)
		watchdog_disarm();
	say("%s", words[requested]);
	sync();
	end_machine();
}
