/*
 * What the service manager tells others: people by the console, PID 1 by its
 * socket, `proa status` by a file.
 */
#ifndef PROA_INIT_SERVICES_REPORT_H
#define PROA_INIT_SERVICES_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "init/services/gate.h"

struct supervisor;

struct reporter {
	int console_fd;
	bool changed;           /* the status file is out of date */
	bool verdict_told;      /* PID 1 knows the gate's verdict */
	char told[GATE_TEXT_MAX]; /* the last degraded reason that PID 1 got */
	char seen[GATE_TEXT_MAX]; /* the reason that stands now, and since when */
	uint64_t seen_ms;
	uint64_t next_ms; /* PID 1 did not listen: not before */
};

void report_open(struct reporter *report);

/* One console line (docs/internals.md "Console lines"). */
void report_console(struct reporter *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The status file is written anew before the loop sleeps. */
void report_changed(struct reporter *report);

/* Tells what has changed to whom it concerns. */
void report_step(struct supervisor *supervisor, uint64_t now);

#endif
