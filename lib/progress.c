#include "lib/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/size.h"

enum {
	BAR_MIN = 10,
	BAR_MAX = 40,
	REDRAW_MS = 100,
	LINE_MS = 60 * 1000, /* a line of a log, where the work is slow */
	JSON_MS = 1000,
	RATE_AFTER_MS = 500, /* a rate over less says nothing */
};

static const struct {
	const char *name, *what;
} phases[] = {
	[PROGRESS_LOOK] = {"look", "Looking through"},
	[PROGRESS_WRITE] = {"write", "Writing"},
	[PROGRESS_CHECK] = {"check", "Checking"},
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned int percent_of(uint64_t done, uint64_t total)
{
	if (total == 0 || done >= total)
		return 100;
	return (unsigned int)((double)done * 100 / (double)total);
}

/* Seconds that are left of this part of the work, by what it took so far. */
static double seconds_left(uint64_t done, uint64_t total, uint64_t elapsed_ms)
{
	return done == 0 || done >= total
		       ? 0
		       : (double)(total - done) * (double)elapsed_ms / 1000 / (double)done;
}

/*
 * "123.4 MiB/s, 0:07 left"; empty while there is nothing to go by. What is copied from the other
 * slot takes next to no time where a line is slow, and is most of it where one is fast: the
 * longer estimate is the better one.
 */
static void render_rate(char *text, size_t size, const struct progress_figures *f)
{
	bool network = f->to_fetch > 0;
	uint64_t came = network ? f->fetched : f->done;
	double left = seconds_left(f->done, f->total, f->elapsed_ms);
	double network_left = seconds_left(f->fetched, f->to_fetch, f->elapsed_ms);
	char rate_text[SIZE_TEXT_SIZE];
	unsigned int seconds;

	text[0] = '\0';
	if (f->elapsed_ms < RATE_AFTER_MS || came == 0)
		return;
	size_text((uint64_t)((double)came * 1000 / (double)f->elapsed_ms), rate_text);
	left = network_left > left ? network_left : left;
	seconds = left > 359999 ? 359999 : (unsigned int)left; /* 99:59:59 */
	if (seconds < 3600)
		snprintf(text, size, "%s/s, %u:%02u left", rate_text, seconds / 60, seconds % 60);
	else
		snprintf(text, size, "%s/s, %u:%02u:%02u left", rate_text, seconds / 3600,
			 seconds / 60 % 60, seconds % 60);
}

void progress_render(char line[PROGRESS_LINE_SIZE], size_t columns, const char *what,
		     const struct progress_figures *figures)
{
	unsigned int percent = percent_of(figures->done, figures->total);
	char rate[64], bar[BAR_MAX + 1];
	size_t taken, width;

	render_rate(rate, sizeof(rate), figures);
	/* "what [bar] 100%  rate": two blanks, two brackets, five for the percentage. */
	taken = strlen(what) + strlen(rate) + 11;
	width = columns > taken + BAR_MIN ? columns - taken : BAR_MIN;
	if (width > BAR_MAX)
		width = BAR_MAX;
	memset(bar, '.', width);
	memset(bar, '#', width * percent / 100);
	bar[width] = '\0';
	snprintf(line, PROGRESS_LINE_SIZE, "%s [%s] %3u%%  %s", what, bar, percent, rate);
	/* A line that wraps cannot be drawn over. */
	if (columns > 0 && columns < PROGRESS_LINE_SIZE && strlen(line) >= columns)
		line[columns - 1] = '\0';
}

static void draw(struct progress *p)
{
	char line[PROGRESS_LINE_SIZE];
	struct winsize size = {0};
	size_t columns = 80;

	if (ioctl(fileno(p->to.out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	progress_render(line, columns, p->what, &p->figures);
	fprintf(p->to.out, "\r%s\033[K", line);
	fflush(p->to.out);
}

static void print_json(const struct progress *p)
{
	const struct progress_figures *f = &p->figures;
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:s, s:s%, s:I, s:I}", "event", "progress", "phase",
			  phases[p->phase].name, "slot", &p->slot, (size_t)1, "done",
			  (json_int_t)f->done, "total", (json_int_t)f->total);
	_cleanup_free_ char *line = NULL;

	if (f->to_fetch > 0) {
		json_object_set_new(json, "fetched", json_integer((json_int_t)f->fetched));
		json_object_set_new(json, "to_fetch", json_integer((json_int_t)f->to_fetch));
	}
	line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!line)
		return;
	/* One call: others may print lines, too. */
	fprintf(p->to.out, "%s\n", line);
	fflush(p->to.out);
}

static void print_line(const struct progress *p)
{
	char rate[64];

	render_rate(rate, sizeof(rate), &p->figures);
	fprintf(p->to.out, "%s: %u%%%s%s\n", p->what, percent_of(p->figures.done, p->figures.total),
		*rate ? ", " : "", rate);
	fflush(p->to.out);
}

void progress_start(struct progress *progress, struct progress_to to, enum progress_phase phase,
		    char slot, uint64_t total_bytes)
{
	char text[SIZE_TEXT_SIZE];

	*progress = (struct progress){
		.to = to,
		.terminal = to.out && !to.json && isatty(fileno(to.out)),
		.phase = phase,
		.slot = slot,
		.figures.total = total_bytes,
		.started_ms = now_ms(),
	};
	progress->told_ms = progress->started_ms;
	snprintf(progress->what, sizeof(progress->what), "%s slot %c", phases[phase].what,
		 slot - 'a' + 'A');
	if (!to.out)
		return;
	if (to.json) {
		print_json(progress);
	} else if (progress->terminal) {
		draw(progress);
	} else {
		fprintf(to.out, "%s: %s\n", progress->what, size_text(total_bytes, text));
		fflush(to.out);
	}
}

static void tell(struct progress *p)
{
	unsigned int tenth = percent_of(p->figures.done, p->figures.total) / 10;
	uint64_t now = now_ms(), since = now - p->told_ms;

	p->figures.elapsed_ms = now - p->started_ms;
	if (p->to.json    ? since < JSON_MS
	    : p->terminal ? since < REDRAW_MS
			  /* The last tenth is progress_end's. */
			  : (tenth <= p->told_tenth || tenth == 10) && since < LINE_MS)
		return;
	p->told_ms = now;
	p->told_tenth = tenth;
	if (p->to.json)
		print_json(p);
	else if (p->terminal)
		draw(p);
	else
		print_line(p);
}

void progress_update(struct progress *progress, uint64_t done_bytes)
{
	progress->figures.done = done_bytes;
	if (progress->to.out)
		tell(progress);
}

void progress_fetched(struct progress *progress, uint64_t fetched, uint64_t to_fetch)
{
	progress->figures.fetched = fetched;
	progress->figures.to_fetch = to_fetch;
	if (progress->to.out)
		tell(progress);
}

void progress_end(struct progress *progress)
{
	uint64_t elapsed_ms = now_ms() - progress->started_ms;

	progress->figures.elapsed_ms = elapsed_ms;
	if (!progress->to.out)
		return;
	if (progress->to.json) {
		print_json(progress);
	} else if (progress->terminal) {
		draw(progress);
		fputc('\n', progress->to.out);
	} else if (progress->figures.done >= progress->figures.total) {
		fprintf(progress->to.out, "%s: done in %u.%u s\n", progress->what,
			(unsigned int)(elapsed_ms / 1000), (unsigned int)(elapsed_ms / 100 % 10));
	}
	fflush(progress->to.out);
}
