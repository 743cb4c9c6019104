#include "init/services/chart.h"

#include <string.h>

/* Pixels. Names stand left of the bars, times right of them. */
enum {
	LEFT = 190,
	WIDTH = 1000,
	RIGHT = 90,
	TOP = 70,
	ROW = 22,
	BAR = 16,
	BOTTOM = 20,
	TICKS_MAX = 12,
};

static const char STYLE[] = "text{font:12px sans-serif;fill:#222}"
			    ".title{font-size:16px;font-weight:bold}"
			    ".name{text-anchor:end}"
			    ".tick{stroke:#ddd}"
			    ".tick-text{text-anchor:middle;fill:#777}"
			    ".kernel{fill:#8a8a8a}"
			    ".initramfs{fill:#b08d57}"
			    ".pid1{fill:#5b8a72}"
			    ".docker{fill:#2f6f9f}"
			    ".service{fill:#6fa8d6}"
			    ".create{fill:#c3dbef}"
			    ".gate{fill:#7a5ea8}"
			    ".open{fill-opacity:.35}"
			    ".path{stroke:#c0392b;stroke-width:2}";

/* XML 1.0 has no control characters, not even escaped ones. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text < ' ' || *text > '~' ? '?' : *text, out);
		}
	}
}

/* Whole numbers only, so that no locale and no rounding changes the bytes. */
static void put_hundredths(FILE *out, uint64_t hundredths)
{
	fprintf(out, "%llu.%02llu", (unsigned long long)(hundredths / 100),
		(unsigned long long)(hundredths % 100));
}

static void put_seconds(FILE *out, uint64_t ms)
{
	put_hundredths(out, (ms + 5) / 10);
}

/* Hundredths of a pixel from the left edge of the bars. */
static uint64_t scaled(const struct chart *chart, uint64_t ms)
{
	return chart->end ? ms * WIDTH * 100 / chart->end : 0;
}

static void put_x(FILE *out, const char *attribute, const struct chart *chart, uint64_t ms)
{
	fprintf(out, " %s=\"", attribute);
	put_hundredths(out, LEFT * 100 + scaled(chart, ms));
	fputc('"', out);
}

static void put_rect(FILE *out, const struct chart *chart, const char *class, bool open, unsigned y,
		     uint64_t from, uint64_t to)
{
	fprintf(out, "<rect class=\"%s%s\"", class, open ? " open" : "");
	put_x(out, "x", chart, from);
	fprintf(out, " y=\"%u\" width=\"", y);
	put_hundredths(out, scaled(chart, to) - scaled(chart, from));
	fprintf(out, "\" height=\"%d\"/>\n", BAR);
}

static bool on_path(const struct chart *chart, size_t bar)
{
	for (size_t i = 0; i < chart->path_count; i++)
		if (chart->path[i] == bar)
			return true;
	return false;
}

static void put_bar(FILE *out, const struct chart *chart, size_t index)
{
	const struct chart_bar *bar = &chart->bars[index];
	unsigned y = TOP + (unsigned)index * ROW;

	fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%u\">", LEFT - 8, y + 12);
	put_text(out, chart_kind_who(bar->kind));
	put_text(out, bar->name);
	fputs("</text>\n", out);
	if (bar->middle > bar->start)
		put_rect(out, chart, "create", bar->open, y, bar->start, bar->middle);
	put_rect(out, chart, chart_kind_name(bar->kind), bar->open, y, bar->middle, bar->end);
	if (on_path(chart, index)) {
		fputs("<line class=\"path\"", out);
		put_x(out, "x1", chart, bar->start);
		put_x(out, "x2", chart, bar->end);
		fprintf(out, " y1=\"%u\" y2=\"%u\"/>\n", y + BAR + 1, y + BAR + 1);
	}
	fputs("<text", out);
	put_x(out, "x", chart, bar->end);
	fprintf(out, " dx=\"5\" y=\"%u\">", y + 12);
	if (bar->open)
		fputs("not yet", out);
	else
		put_seconds(out, bar->end - bar->start);
	fputs(bar->open ? "</text>\n" : " s</text>\n", out);
}

/* 1, 2 or 5 times a power of ten, from a tenth of a second on. */
static uint64_t tick_ms(uint64_t end)
{
	static const uint64_t steps[] = {1, 2, 5};
	uint64_t power = 100;

	for (;; power *= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (end / (steps[i] * power) <= TICKS_MAX)
				return steps[i] * power;
}

static void put_ticks(FILE *out, const struct chart *chart)
{
	uint64_t step = tick_ms(chart->end);
	unsigned bottom = TOP + (unsigned)chart->count * ROW;

	for (uint64_t at = 0; at <= chart->end; at += step) {
		fputs("<line class=\"tick\"", out);
		put_x(out, "x1", chart, at);
		put_x(out, "x2", chart, at);
		fprintf(out, " y1=\"%d\" y2=\"%u\"/>\n<text class=\"tick-text\"", TOP - 4, bottom);
		put_x(out, "x", chart, at);
		fprintf(out, " y=\"%d\">%llu.%llu s</text>\n", TOP - 10,
			(unsigned long long)(at / 1000), (unsigned long long)(at % 1000 / 100));
	}
}

static void put_title(FILE *out, const struct chart *chart)
{
	fputs("<text class=\"title\" x=\"20\" y=\"24\">Proa ", out);
	put_text(out, chart->version);
	fputs(", slot ", out);
	put_text(out, chart->slot);
	if (chart->boot > 0)
		fprintf(out, ", boot %llu", (unsigned long long)chart->boot);
	fputs(": ", out);
	if (chart->gate > 0) {
		fputs("health gate passed after ", out);
		put_seconds(out, chart->gate);
		fputs(" s", out);
	} else {
		fputs("health gate not passed yet", out);
	}
	if (chart->settled > 0) {
		fputs(", settled after ", out);
		put_seconds(out, chart->settled);
		fputs(" s", out);
	}
	fputs("</text>\n", out);
}

void chart_print_svg(FILE *out, const struct chart *chart)
{
	unsigned width = LEFT + WIDTH + RIGHT;
	unsigned height = TOP + (unsigned)chart->count * ROW + BOTTOM;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\">\n"
		"<style>%s</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		width, height, width, height, STYLE);
	put_title(out, chart);
	put_ticks(out, chart);
	for (size_t i = 0; i < chart->count; i++)
		put_bar(out, chart, i);
	fputs("</svg>\n", out);
}
