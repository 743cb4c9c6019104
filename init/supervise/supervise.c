#include "init/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/facts.h"
#include "init/hurry.h"
#include "init/record.h"
#include "init/say.h"
#include "init/supervise/child.h"
#include "init/supervise/daemons.h"
#include "init/supervise/gate.h"
#include "init/supervise/identity.h"
#include "init/supervise/loop.h"
#include "init/supervise/mounts.h"
#include "init/supervise/root_errors.h"
#include "init/supervise/socket.h"
#include "init/supervise/state.h"
#include "init/supervise/stop.h"
#include "init/supervise/watching.h"
#include "init/watchdog.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

enum {
	WATCH_MS = 5 * 1000,
	HEARTBEAT_MS = 60 * 1000,
	GIVE_UP_S = 5,
	SYNC_S = 20,
	GATE_S = 300, /* what the service manager has, as long as it asks for no other time */
};

#define HUGE_PAGES_FROM (2ULL << 30) /* bytes of memory; behind it the reserve is below 3 % */

static struct facts facts;
static struct gate gate;

static void on_signal(int number)
{
	switch (number) {
	case SIGCHLD:
		child_reap();
		break;
	case SIGINT: /* Ctrl-Alt-Del */
	case SIGTERM:
		stop_request(STOP_REBOOT, true);
		break;
	case SIGUSR1: /* the field's custom for halt and power-off */
		stop_request(STOP_HALT, true);
		break;
	case SIGUSR2:
	case SIGPWR:
		stop_request(STOP_POWEROFF, true);
		break;
	default:
		break;
	}
}

static void watch(void *context)
{
	watching_turn(&gate);
	gate_watch_root(&gate);
	child_trim_logs();
	(void)loop_after(WATCH_MS, watch, context);
}

static void heartbeat(void *context)
{
	record_heartbeat();
	(void)loop_after(HEARTBEAT_MS, heartbeat, context);
}

/* In a process of its own: a disk that does not answer must not keep the machine. */
static void sync_for_a_while(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		sync();
		_exit(0);
	}
	for (int i = 0; i < SYNC_S * 10 && pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; i++)
		usleep(100 * 1000);
}

/* Nothing here can be done without; the kernel counts on PID 1 to say so and reboot. */
static _Noreturn void give_up(const struct error *err)
{
	say("error: %s", err->message);
	record_end(BOOTLOG_FAILED, err->message);
	sleep(GIVE_UP_S);
	say("rebooting");
	sync_for_a_while();
	reboot(RB_AUTOBOOT);
	_exit(1);
}

/* Mounts /var; where it can't be, decides whether the machine goes on without. */
static int start_state(struct error *err)
{
	int r = state_mount(&facts, err);

	if (r < 0 && stop_requested() != STOP_NONE) /* before the gate could speak */
		stop_run(&gate);
	if (r < 0) {
		/* Where nothing can be written no slot does better, and no boot is counted. */
		if (r == -EROFS)
			gate_stay(&gate, err->message);
		else
			gate_failed(&gate, err->message);
		while (!gate.stays && stop_requested() == STOP_NONE)
			loop_turn(-1);
		if (stop_requested() != STOP_NONE)
			stop_run(&gate);
		r = state_mount_in_memory(err);
		if (r < 0)
			return r;
	} else {
		facts.t_state = console_now_ms();
		say("state mounted");
	}
	/* No slot would do better with what lies there, so there is no sense in a reboot. */
	if (mounts_volumes(err) < 0)
		gate_degraded(&gate, err->message);
	return 0;
}

/* Writes a word to a setting of the kernel's; a kernel without it has its own way. */
static void set(const char *path, const char *word)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)io_write_full(fd, word, strlen(word));
}

/*
 * Anonymous memory in pieces of 64 KiB, and in 2 MiB only for who asks (madvise(2)). The
 * heaps of Docker's daemons are sparse: with 2 MiB for everybody, the kernel's default,
 * they held 34 MiB more at idle; with 4 KiB alone, user Docker answered 1.5 s of 24 later.
 *
 * As long as anybody may ask, the kernel keeps 2 MiB pieces in reserve (khugepaged,
 * set_recommended_min_free_kbytes()): 45 of 1024 MiB free at the least, and up to 27 MiB
 * more in each processor's list of free pages. A small machine has better use for them.
 */
static void choose_page_sizes(void)
{
	struct sysinfo memory;
	bool small = sysinfo(&memory) == 0 &&
		     (unsigned long long)memory.totalram * memory.mem_unit < HUGE_PAGES_FROM;

	set("/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled",
	    small ? "never" : "madvise");
	set("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always");
}

static int start(struct error *err)
{
	int r = loop_start(on_signal, err);

	if (r == 0)
		r = facts_read(&facts, err);
	if (r < 0)
		return r;
	facts.t_pid1 = console_now_ms();
	record_open(&facts);
	r = mounts_first(err);
	if (r < 0)
		return r;
	/* A page of PID 1 that rots on the disk must not matter any more. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return error_errno(err, "PID 1 cannot lock its memory");
	watchdog_hangs_panic(false);
	choose_page_sizes();
	/* Whoever may log in may ping, with no privilege for the program. */
	set("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	(void)reboot(RB_DISABLE_CAD);
	gate_start(&gate, &facts);
	record_stage(BOOTLOG_ROOT);
	watchdog_take_over();
	root_errors_watch(&gate);
	watch(NULL); /* from here on: a long repair of the state partition turns the loop too */
	r = socket_start(&gate, err);
	if (r == 0)
		r = start_state(err);
	if (r < 0)
		return r;
	record_stage(gate.stays ? BOOTLOG_ROOT : BOOTLOG_STATE);
	identity_start();
	facts.t_daemons = console_now_ms();
	r = facts_write(&facts, err);
	if (r < 0)
		return r;
	daemons_start(&gate);
	hurry_load_modules();
	gate_expect(&gate, GATE_S);
	return 0;
}

_Noreturn void supervise_run(void)
{
	struct error err = ERROR_INIT;

	say_open();
	if (start(&err) < 0)
		give_up(&err);
	heartbeat(NULL);
	while (stop_requested() == STOP_NONE)
		loop_turn(-1);
	stop_run(&gate);
}
