#include "init/services/report.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "init/services/supervisor.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"
#include "lib/request.h"

enum {
	TELL_AGAIN_MS = 2000,
	DEGRADED_AFTER_MS = 30000, /* a service that restarts at once is no news */
};

void report_open(struct reporter *report)
{
	report->console_fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	report->changed = true;
}

void report_console(struct reporter *report, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Without a console (started by hand) the person's terminal gets the lines. */
	console_line(report->console_fd >= 0 ? report->console_fd : STDERR_FILENO, "%s", text);
}

void report_changed(struct reporter *report)
{
	report->changed = true;
}

static const char *state_name(const struct service *service)
{
	static const char *const names[] = {
		[SERVICE_DOWN] = "down",         [SERVICE_REMOVING] = "starting",
		[SERVICE_PULLING] = "pulling",
		[SERVICE_CREATING] = "starting", [SERVICE_STARTING] = "starting",
		[SERVICE_RUNNING] = "running",   [SERVICE_STOPPING] = "stopping",
		[SERVICE_STOPPED] = "stopped",
	};

	if (service->spec->disabled && service->state == SERVICE_STOPPED)
		return "disabled";
	return service->state == SERVICE_DOWN && service->failures == 0 ? "waiting"
									: names[service->state];
}

/* A reason comes from elsewhere and may hold anything: it must stay one line. */
static void print_value(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s=", key);
	for (; *value; value++)
		fputc((unsigned char)*value < ' ' ? ' ' : *value, out);
	fputc('\n', out);
}

static void print_service(FILE *out, const struct service *service)
{
	const char *name = service->spec->name;

	fprintf(out, "service.%s=%s\n", name, state_name(service));
	fprintf(out, "service.%s.required=%d\n", name, service->spec->required);
	fprintf(out, "service.%s.restarts=%u\n", name, service->restarts);
	if (service->state == SERVICE_RUNNING)
		fprintf(out, "service.%s.since=%llu\n", name,
			(unsigned long long)service->started_ms);
	if (service->reason[0]) {
		char key[80];

		snprintf(key, sizeof(key), "service.%s.reason", name);
		print_value(out, key, service->reason);
	}
}

static int write_status(const struct supervisor *supervisor)
{
	static const char *const verdicts[] = {
		[GATE_OPEN] = "waiting", [GATE_PASSED] = "passed", [GATE_FAILED] = "failed"};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -1;
	fprintf(out, "phase=%s\n", supervisor->stopping ? "stopping" : "running");
	fprintf(out, "gate=%s\n", verdicts[supervisor->gate.verdict]);
	if (supervisor->gate.failed[0])
		print_value(out, "gate_reason", supervisor->gate.failed);
	if (supervisor->gate.degraded[0])
		print_value(out, "degraded", supervisor->gate.degraded);
	/* What PID 1 has heard from us and keeps: `proa status` tells it from PID 1's own troubles. */
	if (supervisor->report.told[0])
		print_value(out, "told", supervisor->report.told);
	if (supervisor->left_out[0])
		print_value(out, "left_out", supervisor->left_out);
	fprintf(out, "system_docker=%s\n",
		supervisor->link.state == LINK_UP ? "answers" : "silent");
	fprintf(out, "user_docker=%s\n", supervisor->user_docker.answers ? "answers" : "silent");
	fprintf(out, "user_docker_service=%s\n", supervisor->user_docker.service->spec->name);
	for (size_t i = 0; i < supervisor->count; i++)
		print_service(out, &supervisor->services[i]);
	times_print(out, supervisor);
	if (fclose(out) != 0)
		return -1;
	return io_replace_file(PATH_STATUS, text, size, 0644, NULL);
}

/* True where PID 1 took it. */
static bool tell(struct reporter *report, uint64_t now, const char *what, const char *reason)
{
	char line[REQUEST_LINE_MAX];
	struct error err = ERROR_INIT;

	if (now < report->next_ms)
		return false;
	snprintf(line, sizeof(line), "%s%s%s", what, reason[0] ? " " : "", reason);
	if (request_pid1(PATH_INIT_SOCKET, line, NULL, 0, &err) == 0)
		return true;
	if (report->next_ms == 0)
		report_console(report, "error: %s", err.message);
	report->next_ms = now + TELL_AGAIN_MS;
	return false;
}

static void tell_pid1(struct supervisor *supervisor, uint64_t now)
{
	struct reporter *report = &supervisor->report;
	const struct gate *gate = &supervisor->gate;

	if (gate->verdict == GATE_OPEN)
		return;
	if (!report->verdict_told) {
		report->verdict_told = gate->verdict == GATE_PASSED
					       ? tell(report, now, "gate passed", "")
					       : tell(report, now, "gate failed", gate->failed);
		return;
	}
	if (strcmp(report->seen, gate->degraded) != 0) {
		memcpy(report->seen, gate->degraded, sizeof(report->seen));
		report->seen_ms = now;
	}
	/* PID 1 keeps the reasons for the history; that all is well again is in the status file. */
	if (report->seen[0] && strcmp(report->seen, report->told) != 0 &&
	    now - report->seen_ms >= DEGRADED_AFTER_MS &&
	    tell(report, now, "degraded", report->seen)) {
		memcpy(report->told, report->seen, sizeof(report->told));
		report->changed = true;
	}
}

void report_step(struct supervisor *supervisor, uint64_t now)
{
	if (!supervisor->stopping)
		tell_pid1(supervisor, now);
	if (supervisor->report.changed && write_status(supervisor) == 0)
		supervisor->report.changed = false;
}
