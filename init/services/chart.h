/*
 * The chart of a boot: what took how long, out of the records of PID 1 and of the service
 * manager, and what its health gate waited for in the end.
 */
#ifndef PROA_INIT_SERVICES_CHART_H
#define PROA_INIT_SERVICES_CHART_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "init/services/spec.h"
#include "lib/fields.h"

enum {
	CHART_STAGES_MAX = 12,
	CHART_BARS_MAX = CHART_STAGES_MAX + SPEC_SERVICES_MAX,
	CHART_NAME_SIZE = 64,
};
#define CHART_TIME_MAX (UINT64_C(1) << 40) /* ms: 34 years; a later time is rubbish */

enum chart_kind {
	CHART_KERNEL,
	CHART_INITRAMFS,
	CHART_PID1,
	CHART_DOCKER,
	CHART_SERVICE,
	CHART_GATE
};

/* All times in ms since the kernel started. */
struct chart_bar {
	char name[CHART_NAME_SIZE];
	enum chart_kind kind;
	uint64_t start, end;
	uint64_t middle; /* a service: its container is made, and starts; else the start */
	bool open;       /* it has not ended; `end` is where the chart ends */
	bool gated;      /* the health gate asks for it */
};

struct chart {
	char slot[CHART_NAME_SIZE], version[CHART_NAME_SIZE];
	uint64_t boot;          /* number in the history; 0: not known */
	uint64_t gate, settled; /* 0: not yet */
	uint64_t end;
	struct chart_bar bars[CHART_BARS_MAX]; /* in the order of the boot */
	size_t count;
	size_t path[CHART_BARS_MAX]; /* bars by number: the critical path, first to last */
	size_t path_count;
};

/*
 * `boot` and `services` are /run/proa/boot and /run/proa/status; a boot that still waits for
 * its gate ends at `now_ms` in the chart.
 */
void chart_make(const struct fields *boot, const struct fields *services, uint64_t now_ms,
		struct chart *out);

/*
 * Finds the critical path (chart_path.c): from the gate, or from what it waits for still, back
 * to the kernel; before each bar comes the one that ended last before it began.
 */
void chart_find_path(struct chart *chart);

/* The critical path for people. */
void chart_print(FILE *out, const struct chart *chart);

/* The chart as an SVG picture; the same chart gives the same bytes. */
void chart_print_svg(FILE *out, const struct chart *chart);

/* What `proa boot-chart --json` prints; NULL: out of memory. The caller releases it. */
json_t *chart_json(const struct chart *chart);

/* The class of a bar in SVG and JSON: "kernel", "initramfs", … */
const char *chart_kind_name(enum chart_kind kind);

/* Who does what the bar is named for, in front of its name: "PID 1 ", "service ", or "". */
const char *chart_kind_who(enum chart_kind kind);

#endif
