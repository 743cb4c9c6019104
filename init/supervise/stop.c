#include "init/supervise/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

enum {
	LAST_TERM_MS = 5 * 1000, /* for what is left after the daemons */
	LAST_KILL_MS = 5 * 1000,
	GUARD_S = 60, /* for file systems that do not come to an end */
	GUARD_LOOK_S = 5,
	GUARD_MOST_S = 15 * 60,
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

/* KiB that the kernel has still to write (proc_meminfo(5): Dirty and Writeback). */
static unsigned long unwritten_kib(void)
{
	char text[4096] = "";
	unsigned long dirty = 0, writing = 0;
	const char *at;
	_cleanup_fd_ int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)io_read_full(fd, text, sizeof(text) - 1);
	at = strstr(text, "\nDirty:");
	if (at)
		dirty = strtoul(at + strlen("\nDirty:"), NULL, 10);
	at = strstr(text, "\nWriteback:");
	if (at)
		writing = strtoul(at + strlen("\nWriteback:"), NULL, 10);
	return dirty + writing;
}

/*
 * Ends the machine where PID 1 hangs in a file system that no longer answers. Gigabytes
 * that are still being written to a slow disk are no hang: as long as they get fewer,
 * they have their time.
 */
static _Noreturn void guard(void)
{
	unsigned long least = unwritten_kib();
	unsigned int idle = 0;

	for (unsigned int s = 0; idle < GUARD_S && s < GUARD_MOST_S; s += GUARD_LOOK_S) {
		unsigned long now;

		sleep(GUARD_LOOK_S);
		now = unwritten_kib();
		idle = now < least ? 0 : idle + GUARD_LOOK_S;
		least = now < least ? now : least;
		if (idle == 0)
			watchdog_feed();
	}
	end_machine();
}

static pid_t start_guard(void)
{
	pid_t pid = fork();

	if (pid == 0)
		guard();
	return pid;
}

static void end_guard(pid_t pid)
{
	if (pid > 0 && kill(pid, SIGKILL) == 0)
		(void)waitpid(pid, NULL, 0);
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

	pid_t watching;

	say("stopping");
	watchdog_be_patient();
	daemons_stop();
	watching = start_guard();
	/* The write is small, and what it says is already true. */
	if (gate->verdict == GATE_PASSED || by_person)
		gate_leave(gate);
	history_harvest(gate->facts);
	end_guard(watching);

	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	reap_all(LAST_TERM_MS);
	kill(-1, SIGKILL);
	reap_all(LAST_KILL_MS);

	watching = start_guard();
	mounts_leave();
	if (gate->verdict != GATE_FAILED || gate->stays)
		record_end(ends[requested], "");
	else
		gate_record_failure();
	if (requested == STOP_HALT) {
		end_guard(watching); /* it holds the watchdog open */
		watchdog_disarm();
	}
	say("%s", words[requested]);
	sync();
	end_machine();
}
