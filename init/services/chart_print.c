#include "init/services/chart.h"

#include "lib/cleanup.h"

static double seconds(uint64_t ms)
{
	return (double)ms / 1000;
}

static void print_summary(FILE *out, const struct chart *chart)
{
	fputs("Boot ", out);
	if (chart->boot > 0)
		fprintf(out, "%llu ", (unsigned long long)chart->boot);
	fprintf(out, "of slot %s, version %s: ", chart->slot, chart->version);
	if (chart->gate > 0)
		fprintf(out, "the health gate passed %.2f s after the kernel started",
			seconds(chart->gate));
	else
		fprintf(out, "the health gate has not passed, %.2f s after the kernel started",
			seconds(chart->end));
	if (chart->settled > 0)
		fprintf(out, "; settled at %.2f s", seconds(chart->settled));
	fputs("\n", out);
}

static void print_bar(FILE *out, const struct chart_bar *bar)
{
	fprintf(out, "%9.2f %9.2f  %s%s", seconds(bar->start), seconds(bar->end - bar->start),
		chart_kind_who(bar->kind), bar->name);
	if (bar->open)
		fputs(" (not yet)", out);
	else if (bar->middle > bar->start)
		fprintf(out, " (created in %.2f, started in %.2f)",
			seconds(bar->middle - bar->start), seconds(bar->end - bar->middle));
	fputc('\n', out);
}

void chart_print(FILE *out, const struct chart *chart)
{
	print_summary(out, chart);
	fputs("\nThe critical path: each began when the one above had ended.\n\n     from      "
	      "took  (seconds)\n",
	      out);
	for (size_t i = 0; i < chart->path_count; i++)
		print_bar(out, &chart->bars[chart->path[i]]);
}

static json_t *bar_json(const struct chart_bar *bar)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:b, s:b}", "name", bar->name, "class",
			 chart_kind_name(bar->kind), "start", (json_int_t)bar->start,
			 "start_container", (json_int_t)bar->middle, "end",
			 bar->open ? json_null() : json_integer((json_int_t)bar->end), "gated",
			 (int)bar->gated, "open", (int)bar->open);
}

json_t *chart_json(const struct chart *chart)
{
	json_t *bars = json_array(), *path = json_array();

	for (size_t i = 0; i < chart->count; i++)
		json_array_append_new(bars, bar_json(&chart->bars[i]));
	for (size_t i = 0; i < chart->path_count; i++)
		json_array_append_new(path, json_integer((json_int_t)chart->path[i]));
	return json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "boot",
			 (json_int_t)chart->boot, "slot", chart->slot, "version", chart->version,
			 "gate", (json_int_t)chart->gate, "settled", (json_int_t)chart->settled,
			 "end", (json_int_t)chart->end, "bars", bars, "path", path);
}
