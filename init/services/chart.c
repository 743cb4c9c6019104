#include "init/services/chart.h"

#include <string.h>

static uint64_t time_of(const struct fields *fields, const char *key)
{
	uint64_t time = fields_get_number(fields, key, 0);

	return time < CHART_TIME_MAX ? time : 0;
}

static void copy(char out[CHART_NAME_SIZE], const char *text)
{
	snprintf(out, CHART_NAME_SIZE, "%s", text ? text : "");
}

/* A bar that ends at 0 has not ended. */
static struct chart_bar *add(struct chart *chart, enum chart_kind kind, const char *name,
			     uint64_t start, uint64_t end)
{
	struct chart_bar *bar = &chart->bars[chart->count++];

	*bar = (struct chart_bar){
		.kind = kind,
		.start = start,
		.middle = start,
		.end = end > start ? end : start,
		.open = end == 0,
	};
	copy(bar->name, name);
	return bar;
}

/* One after the other, up to the daemons. Returns when those were started; 0: not yet. */
static uint64_t add_stages(struct chart *chart, const struct fields *boot)
{
	static const struct {
		const char *key, *name;
		enum chart_kind kind;
	} stages[] = {
		{"t_init", "kernel", CHART_KERNEL},
		{"t_disk", "finds the disk", CHART_INITRAMFS},
		{"t_root", "verifies the root", CHART_INITRAMFS},
		{"t_pid1", "switches the root", CHART_INITRAMFS},
		{"t_state", "mounts the state", CHART_PID1},
		{"t_daemons", "prepares the daemons", CHART_PID1},
	};
	enum { COUNT = sizeof(stages) / sizeof(stages[0]) };
	uint64_t last = 0;
	size_t reached = 0;

	for (size_t i = 0; i < COUNT; i++)
		if (time_of(boot, stages[i].key) > 0)
			reached = i + 1;
	/* One that is missing on the way did not happen: the state partition, in a last resort. */
	for (size_t i = 0; i < reached; i++) {
		uint64_t end = time_of(boot, stages[i].key);

		if (end == 0)
			continue;
		add(chart, stages[i].kind, stages[i].name, last, end);
		last = end > last ? end : last;
	}
	if (reached == COUNT)
		return last;
	add(chart, stages[reached].kind, stages[reached].name, last, 0);
	return 0;
}

static uint64_t service_time(const struct fields *services, const char *name, const char *what)
{
	char key[CHART_NAME_SIZE + 32];

	snprintf(key, sizeof(key), "service.%s.%s", name, what);
	return time_of(services, key);
}

/* One that this boot's manager never made or started has no bar. */
static void add_service(struct chart *chart, const struct fields *services, const char *name)
{
	uint64_t create = service_time(services, name, "t_create"),
		 start = service_time(services, name, "t_start"),
		 running = service_time(services, name, "t_running");
	struct chart_bar *bar;

	if (create == 0)
		create = start; /* its container was there already */
	if (create == 0 || chart->count == CHART_BARS_MAX)
		return;
	bar = add(chart, CHART_SERVICE, name, create, running);
	bar->middle = start > create ? start : create;
	if (bar->middle > bar->end)
		bar->end = bar->middle;
	bar->gated = service_time(services, name, "required") == 1;
}

/* User Docker's own wait stands right behind its container. */
static void add_user_docker(struct chart *chart, const struct fields *services)
{
	const char *name = fields_get(services, "user_docker_service");
	uint64_t running;

	if (!name)
		return;
	add_service(chart, services, name);
	running = service_time(services, name, "t_running");
	if (running > 0)
		add(chart, CHART_DOCKER, "user Docker answers", running,
		    time_of(services, "t_user_docker"))
			->gated = true;
}

static void add_services(struct chart *chart, const struct fields *services)
{
	const char *leads = fields_get(services, "user_docker_service");
	const char *at = NULL, *key, *value;

	while ((key = fields_next(services, &at, &value))) {
		if (strncmp(key, "service.", 8) != 0 || strchr(key + 8, '.') ||
		    (leads && strcmp(key + 8, leads) == 0))
			continue;
		add_service(chart, services, key + 8);
	}
}

/* From the last of what it waits for. A good slot's gate may pass without all of it. */
static void add_gate(struct chart *chart, uint64_t daemons)
{
	uint64_t start = daemons;
	bool waits = false;

	for (size_t i = 0; i < chart->count; i++) {
		const struct chart_bar *bar = &chart->bars[i];

		if (!bar->gated)
			continue;
		waits = waits || bar->open;
		if (!bar->open && bar->end > start && (chart->gate == 0 || bar->end <= chart->gate))
			start = bar->end;
	}
	if (chart->gate > 0 || !waits)
		add(chart, CHART_GATE, "health gate", start, chart->gate);
}

static void end_bars(struct chart *chart, uint64_t now_ms)
{
	chart->end = chart->gate > 0 ? chart->gate : now_ms;
	for (size_t i = 0; i < chart->count; i++)
		if (chart->bars[i].end > chart->end)
			chart->end = chart->bars[i].end;
	for (size_t i = 0; i < chart->count; i++)
		if (chart->bars[i].open)
			chart->bars[i].end = chart->end;
}

void chart_make(const struct fields *boot, const struct fields *services, uint64_t now_ms,
		struct chart *out)
{
	uint64_t daemons;

	memset(out, 0, sizeof(*out));
	copy(out->slot, fields_get(boot, "slot"));
	copy(out->version, fields_get(boot, "version"));
	out->boot = fields_get_number(boot, "boot", 0);
	out->gate = time_of(boot, "t_gate");
	out->settled = time_of(boot, "t_settled");
	daemons = add_stages(out, boot);
	if (daemons > 0) {
		add(out, CHART_PID1, "service manager", daemons, time_of(services, "t_manager"));
		add(out, CHART_DOCKER, "System Docker answers", daemons,
		    time_of(services, "t_system_docker"))
			->gated = true;
		add_user_docker(out, services);
		add_services(out, services);
		if (out->count < CHART_BARS_MAX)
			add_gate(out, daemons);
	}
	end_bars(out, now_ms < CHART_TIME_MAX ? now_ms : 0);
	chart_find_path(out);
}

const char *chart_kind_name(enum chart_kind kind)
{
	static const char *const names[] = {
		[CHART_KERNEL] = "kernel", [CHART_INITRAMFS] = "initramfs", [CHART_PID1] = "pid1",
		[CHART_DOCKER] = "docker", [CHART_SERVICE] = "service",     [CHART_GATE] = "gate",
	};

	return names[kind];
}

const char *chart_kind_who(enum chart_kind kind)
{
	static const char *const names[] = {
		[CHART_KERNEL] = "", [CHART_INITRAMFS] = "initramfs ", [CHART_PID1] = "PID 1 ",
		[CHART_DOCKER] = "", [CHART_SERVICE] = "service ",     [CHART_GATE] = "",
	};

	return names[kind];
}
