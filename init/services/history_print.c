#include "init/services/history.h"

#include <stdbool.h>
#include <string.h>

#include "init/services/duration.h"
#include "init/services/upgrade_print.h"

static const char *text(const json_t *object, const char *key, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : otherwise;
}

static bool is(const json_t *boot, const char *class)
{
	return strcmp(text(boot, "class", ""), class) == 0;
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

static void print_upgrade(FILE *out, const json_t *event)
{
	fputs("Upgrade ", out);
	upgrade_print_time(out, json_integer_value(json_object_get(event, "time")));
	fputs("  ", out);
	upgrade_print(out, event, upgrade_is_end(event));
	fputc('\n', out);
}

/* Those from `next` on that were done since `boot` began (NULL: all). Returns the next one. */
static size_t print_upgrades(FILE *out, const json_t *history, size_t next, const json_t *boot)
{
	const json_t *upgrades = json_object_get(history, "upgrades");

	for (; next < json_array_size(upgrades); next++) {
		const json_t *event = json_array_get(upgrades, next);

		if (boot && json_integer_value(json_object_get(event, "boot")) <
				    json_integer_value(json_object_get(boot, "boot")))
			break;
		print_upgrade(out, event);
	}
	return next;
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
	upgrade_print_time(out, last > uptime ? last - uptime : last);
	fprintf(out, "  slot %s, version %s, %s %s\n", text(boot, "slot", "?"),
		text(boot, "version", "unknown"), is(boot, "running") ? "runs for" : "ran",
		duration);
	fprintf(out, "    %s\n", text(boot, "text", ""));
	if (json_is_true(json_object_get(boot, "lastresort")))
		fputs("    booted as a last resort: no slot had attempts left, or could be read\n", out);
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
	size_t i, told = 0, shown = json_array_size(boots);

	json_array_foreach((json_t *)boots, i, boot)
	{
		/* Boots that were never seen have no number. */
		if (json_object_get(boot, "boot"))
			told = print_upgrades(out, history, told, boot);
		print_boot(out, boot, lines);
	}
	(void)print_upgrades(out, history, told, NULL);
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
