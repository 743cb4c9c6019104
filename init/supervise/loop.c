#include "init/supervise/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/console.h"

enum { WATCHES_MAX = 24, TIMERS_MAX = 24, BATCH = 8 };

static struct watch {
	int fd; /* -1: free */
	loop_fn fn;
	void *context;
} watches[WATCHES_MAX];

static struct timer {
	uint64_t at_ms;
	loop_fn fn; /* NULL: free */
	void *context;
} timers[TIMERS_MAX];

static int epoll = -1, signals = -1;
static loop_signal_fn signal_fn;

static void read_signals(void *context)
{
	struct signalfd_siginfo info;

	(void)context;
	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		signal_fn((int)info.ssi_signo);
}

int loop_start(loop_signal_fn on_signal, struct error *err)
{
	sigset_t all;

	for (size_t i = 0; i < WATCHES_MAX; i++)
		watches[i].fd = -1;
	signal_fn = on_signal;
	sigfillset(&all);
	/* A fault in PID 1 itself must end it (the kernel then reboots), not wait in a queue. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return error_errno(err, "cannot block signals");
	signals = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (signals < 0 || epoll < 0)
		return error_errno(err, "cannot make PID 1's loop");
	return loop_add(signals, read_signals, NULL);
}

int loop_add(int fd, loop_fn fn, void *context)
{
	for (size_t i = 0; i < WATCHES_MAX; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

		if (watches[i].fd >= 0)
			continue;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
			return -errno;
		watches[i] = (struct watch){.fd = fd, .fn = fn, .context = context};
		return 0;
	}
	return -ENOSPC;
}

void loop_remove(int fd)
{
	for (size_t i = 0; i < WATCHES_MAX; i++) {
		if (watches[i].fd == fd)
			watches[i].fd = -1;
	}
	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

void loop_cancel(loop_fn fn, void *context)
{
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (timers[i].fn == fn && timers[i].context == context)
			timers[i].fn = NULL;
	}
}

int loop_after(uint64_t ms, loop_fn fn, void *context)
{
	loop_cancel(fn, context);
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (timers[i].fn)
			continue;
		timers[i] = (struct timer){
			.at_ms = console_now_ms() + ms, .fn = fn, .context = context};
		return 0;
	}
	return -ENOSPC;
}

/* Calls what is due; returns the milliseconds until the next, or -1. */
static int run_timers(void)
{
	uint64_t now = console_now_ms();
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < TIMERS_MAX; i++) {
		struct timer due = timers[i];

		if (due.fn && due.at_ms <= now) {
			timers[i].fn = NULL; /* before the call: it may set itself again */
			due.fn(due.context);
		}
	}
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (timers[i].fn && timers[i].at_ms < next)
			next = timers[i].at_ms;
	}
	if (next == UINT64_MAX)
		return -1;
	now = console_now_ms();
	next = next > now ? next - now : 0;
	return next < INT_MAX ? (int)next : INT_MAX;
}

void loop_turn(int timeout_ms)
{
	struct epoll_event events[BATCH];
	int next = run_timers();
	int count;

	if (next >= 0 && (timeout_ms < 0 || next < timeout_ms))
		timeout_ms = next;
	count = epoll_wait(epoll, events, BATCH, timeout_ms);
	for (int i = 0; i < count; i++) {
		const struct watch *watch = &watches[events[i].data.u32];

		if (watch->fd >= 0)
			watch->fn(watch->context);
	}
	(void)run_timers();
}
