#include "lib/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/size.h"

enum {
	BAR_MIN = 10,
	BAR_MAX = 40,
	REDRAW_MS = 100,
	RATE_AFTER_MS = 500, /* a rate over less says nothing */
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

/* "123.4 MiB/s, 0:07 left"; empty while there is nothing to go by. */
static void render_rate(char *text, size_t size, uint64_t done, uint64_t total, uint64_t elapsed_ms)
{
	char rate_text[SIZE_TEXT_SIZE];
	double rate, left;

	text[0] = '\0';
	if (elapsed_ms < RATE_AFTER_MS || done == 0)
		return;
	rate = (double)done * 1000 / (double)elapsed_ms;
	left = done < total ? (double)(total - done) / rate : 0;
	if (left > 359999)
		left = 359999; /* 99:59:59 */
	size_text((uint64_t)rate, rate_text);
	if (left < 3600)
		snprintf(text, size, "%s/s, %u:%02u left", rate_text, (unsigned int)left / 60,
			 (unsigned int)left % 60);
	else
		snprintf(text, size, "%s/s, %u:%02u:%02u left", rate_text,
			 (unsigned int)left / 3600, (unsigned int)left / 60 % 60,
			 (unsigned int)left % 60);
}

void progress_render(char line[PROGRESS_LINE_SIZE], size_t columns, const char *what,
		     uint64_t done_bytes, uint64_t total_bytes, uint64_t elapsed_ms)
{
	unsigned int percent = percent_of(done_bytes, total_bytes);
	char rate[64], bar[BAR_MAX + 1];
	size_t taken, width;

	render_rate(rate, sizeof(rate), done_bytes, total_bytes, elapsed_ms);
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

	if (ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	progress_render(line, columns, p->what, p->done, p->total, now_ms() - p->started_ms);
	fprintf(p->out, "\r%s\033[K", line);
	fflush(p->out);
}

void progress_start(struct progress *progress, FILE *out, const char *what, uint64_t total_bytes)
{
	*progress = (struct progress){
		.out = out,
		.terminal = out && isatty(fileno(out)),
		.what = what,
		.total = total_bytes,
		.started_ms = now_ms(),
	};
	if (!out)
		return;
	if (progress->terminal) {
		draw(progress);
	} else {
		char text[SIZE_TEXT_SIZE];

		fprintf(out, "%s: %s\n", what, size_text(total_bytes, text));
		fflush(out);
	}
}

void progress_update(struct progress *progress, uint64_t done_bytes)
{
	uint64_t now;

	progress->done = done_bytes;
	if (!progress->out)
		return;
	if (!progress->terminal) {
		unsigned int percent = percent_of(done_bytes, progress->total);

		/* The last tenth is progress_end's. */
		if (percent / 10 > progress->drawn_tenth && percent < 100) {
			progress->drawn_tenth = percent / 10;
			fprintf(progress->out, "%s: %u%%\n", progress->what,
				progress->drawn_tenth * 10);
			fflush(progress->out);
		}
		return;
	}
	now = now_ms();
	if (now - progress->drawn_ms < REDRAW_MS)
		return;
	progress->drawn_ms = now;
	draw(progress);
}

void progress_end(struct progress *progress)
{
	if (!progress->out)
		return;
	if (progress->terminal) {
		draw(progress);
		fputc('\n', progress->out);
	} else if (progress->done >= progress->total) {
		uint64_t elapsed_ms = now_ms() - progress->started_ms;

		fprintf(progress->out, "%s: done in %u.%u s\n", progress->what,
			(unsigned int)(elapsed_ms / 1000), (unsigned int)(elapsed_ms / 100 % 10));
	}
	fflush(progress->out);
}
