#include "init/services/history.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "init/services/duration.h"

static const char *text(const json_t *object, const char *key, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : otherwise;
}

static bool is(const json_t *boot, const char *class)
{
	return strcmp(text(boot, "class", ""), class) == 0;
}

/* The clock of a machine at its start may say anything; a year of five digits is none. */
static void print_time(FILE *out, json_int_t seconds)
{
	char when[40] = "an unknown time";
	time_t time = (time_t)seconds;
	struct tm parts;

	if (localtime_r(&time, &parts) && parts.tm_year < 9999 - 1900)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &parts);
	fputs(when, out);
}

/* "<6>[    1.2] text": the kernel's level in front is for machines. */
static const char *without_level(const char *line)
{
	const char *rest = line + strspn(line, " ");

	if (*rest != '<')
		return rest;
	rest += 1 + strspn(rest + 1, "0123456789");
	return *rest == '>' ? rest + 1 : line;
}

static void print_lines(FILE *out, const json_t *lines, size_t count)
{
	size_t size = json_array_size(lines);

	for (size_t i = size > count ? size - count : 0; i < size; i++)
		fprintf(out, "        %s\n",
			without_level(json_string_value(json_array_get(lines, i))));
}

static void print_boot(FILE *out, const json_t *boot, size_t lines)
{
	json_int_t uptime = json_integer_value(json_object_get(boot, "uptime"));
	json_int_t last = json_integer_value(json_object_get(boot, "time"));
	char duration[DURATION_SIZE];

	if (is(boot, "unseen")) {
		json_int_t count = json_integer_value(json_object_get(boot, "at_least"));

		fprintf(out, "At least %lld boot%s of slot %s\n    %s\n", (long long)count,
			count == 1 ? "" : "s", text(boot, "slot", "?"), text(boot, "text", ""));
		return;
	}
	duration_print((uint64_t)uptime, duration);
	fprintf(out, "Boot %lld  ", (long long)json_integer_value(json_object_get(boot, "boot")));
	/* When it began, by the clock that was right later. */
	print_time(out, last > uptime ? last - uptime : last);
	fprintf(out, "  slot %s, version %s, %s %s\n", text(boot, "slot", "?"),
		text(boot, "version", "unknown"), is(boot, "running") ? "runs for" : "ran",
		duration);
	fprintf(out, "    %s\n", text(boot, "text", ""));
	if (json_is_true(json_object_get(boot, "lastresort")))
		fputs("    booted as a last resort: neither slot had attempts left\n", out);
	else if (json_is_true(json_object_get(boot, "fellback")))
		fputs("    fell back: the primary slot had no attempts left, or could not be "
		      "read\n",
		      out);
	if (json_is_true(json_object_get(boot, "degraded")) &&
	    !strstr(text(boot, "text", ""), "degraded: "))
		fputs("    was degraded\n", out);
	print_lines(out, json_object_get(boot, "lines"), lines);
}

void history_print(FILE *out, const json_t *history, size_t lines)
{
	const json_t *boots = json_object_get(history, "boots"), *boot, *error;
	json_int_t total = json_integer_value(json_object_get(history, "total"));
	json_int_t damaged = json_integer_value(json_object_get(history, "damaged_lines"));
	size_t i, shown = json_array_size(boots);

	json_array_foreach((json_t *)boots, i, boot) print_boot(out, boot, lines);
	if ((size_t)total > shown)
		fprintf(out, "(%lld earlier: -n 0 shows all)\n",
			(long long)total - (long long)shown);
	if (total == 0 || (total == 1 && is(json_array_get(boots, 0), "running")))
		fputs("There are no former boots yet: each is written down by the one after it, "
		      "when its health gate has passed.\n",
		      out);
	if (damaged > 0)
		fprintf(out, "(%lld damaged line%s of the history left out)\n", (long long)damaged,
			damaged == 1 ? "" : "s");
	json_array_foreach(json_object_get(history, "errors"), i, error)
		fprintf(out, "error: %s\n", json_string_value(error));
}
