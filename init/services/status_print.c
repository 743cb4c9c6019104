#include "init/services/status.h"

#include <string.h>

#include "init/services/upgrade_print.h"

static const char *text(const json_t *object, const char *key, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : otherwise;
}

static bool flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static const char *phase_sentence(const json_t *status)
{
	static const struct {
		const char *phase, *sentence;
	} sentences[] = {
		{"stopping", "the machine is going down"},
		{"degraded", "DEGRADED"},
		{"good", "all is well, and the slot has settled"},
		{"passed", "all is well; the slot settles half an hour after its health gate"},
		{"starting", "starting"},
		{"trial", "on trial: the health gate has not spoken yet"},
	};
	const char *phase = text(status, "phase", "");

	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strcmp(sentences[i].phase, phase) == 0)
			return sentences[i].sentence;
	return "in an unknown state";
}

static void row(FILE *out, const char *name, const char *value)
{
	if (value)
		fprintf(out, "%-15s %s\n", name, value);
}

static const char *upgrade_words(const char *upgrade)
{
	static const struct {
		const char *upgrade, *words;
	} rows[] = {
		{"pending", "waits for its reboot"},
		{"cancelled", "its flip was taken back"},
		{"rolled back", "a person rolled back from it"},
		{"marked bad", "a person marked it bad"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].upgrade, upgrade) == 0)
			return rows[i].words;
	return upgrade; /* staged, fell back */
}

static void print_slot(FILE *out, const json_t *status, const char *letter)
{
	const json_t *slot = json_object_get(json_object_get(status, "slots"), letter);
	const json_t *numbers = json_object_get(json_object_get(status, "flip"), letter);
	const char *version = text(slot, "version", NULL);
	long long left = json_integer_value(json_object_get(numbers, "left"));

	fprintf(out, "Slot %s%-9s %s", letter, flag(slot, "running") ? " (runs)" : "",
		version ? version : text(slot, "state", "unknown"));
	if (version)
		fprintf(out, ", signed by %s", text(slot, "signed_by", "?"));
	if (numbers)
		fprintf(out, ", %s, %lld attempt%s left",
			flag(numbers, "good") ? "good" : "not good yet", left,
			left == 1 ? "" : "s");
	if (text(slot, "upgrade", NULL))
		fprintf(out, ", %s", upgrade_words(text(slot, "upgrade", "")));
	if (text(slot, "detail", NULL))
		fprintf(out, " (%s)", text(slot, "detail", ""));
	fputc('\n', out);
}

static void print_flip(FILE *out, const json_t *flip)
{
	if (text(flip, "next", NULL))
		fprintf(out, "%-15s slot %s%s\n", "Next boot", text(flip, "next", ""),
			flag(flip, "pending") ? " (a flip is pending)" : "");
	row(out, "Flip block", text(flip, "error", NULL));
	if (json_is_false(json_object_get(flip, "block_whole")) ||
	    json_is_false(json_object_get(flip, "mirror_whole")))
		fprintf(out, "%-15s %s damaged; the next boot repairs it\n", "Flip block",
			flag(flip, "block_whole") ? "the mirror is" : "the block is");
}

static void print_upgrade(FILE *out, const json_t *upgrade)
{
	row(out, "Last upgrade", text(upgrade, "error", NULL));
	if (!text(upgrade, "event", NULL))
		return;
	fprintf(out, "%-15s ", "Last upgrade");
	upgrade_print_time(out, json_integer_value(json_object_get(upgrade, "time")));
	fputs(": ", out);
	upgrade_print(out, upgrade, true);
	fputc('\n', out);
}

static void print_services(FILE *out, const json_t *services)
{
	const char *name;
	const json_t *service;

	json_object_foreach((json_t *)services, name, service)
	{
		long long restarts = json_integer_value(json_object_get(service, "restarts"));

		fprintf(out, "  %-13s %s", name, text(service, "state", "unknown"));
		if (restarts > 0)
			fprintf(out, ", %lld restart%s", restarts, restarts == 1 ? "" : "s");
		if (text(service, "reason", NULL) &&
		    strcmp(text(service, "state", ""), "running") != 0)
			fprintf(out, ": %s", text(service, "reason", ""));
		fputc('\n', out);
	}
}

static void print_watchdog(FILE *out, const json_t *watchdog)
{
	long long timeout = json_integer_value(json_object_get(watchdog, "timeout"));

	if (timeout > 0)
		fprintf(out, "%-15s %s, resets after %lld s\n", "Watchdog",
			text(watchdog, "driver", "unknown"), timeout);
	else
		row(out, "Watchdog", text(watchdog, "driver", NULL));
}

void status_print(FILE *out, const json_t *status)
{
	fprintf(out, "Proa %s in slot %s: %s\n", text(status, "version", "(unknown version)"),
		text(status, "slot", "?"), phase_sentence(status));
	if (flag(status, "lastresort"))
		fputs("Booted as a last resort: no slot had attempts left, or could be read.\n", out);
	else if (flag(status, "fellback"))
		fputs("Fell back: the primary slot had no attempts left, or could not be read.\n",
		      out);
	row(out, "Degraded", text(status, "degraded", NULL));
	row(out, "Waiting for", text(status, "waiting_for", NULL));
	row(out, "PID 1", text(status, "error", NULL));
	fputc('\n', out);
	print_slot(out, status, "a");
	print_slot(out, status, "b");
	print_flip(out, json_object_get(status, "flip"));
	print_upgrade(out, json_object_get(status, "upgrade"));
	row(out, "Keys", text(json_object_get(status, "slots"), "error", NULL));
	fputc('\n', out);
	row(out, "Health gate", text(status, "gate", "unknown"));
	if (text(status, "left_out", NULL))
		fprintf(out, "%-15s as before the upgrade: %s\n", "Left out",
			text(status, "left_out", ""));
	row(out, "System Docker", text(status, "system_docker", "unknown"));
	row(out, "User Docker", text(status, "user_docker", "unknown"));
	print_watchdog(out, json_object_get(status, "watchdog"));
	fprintf(out, "Services%s%s\n", json_object_get(status, "services_error") ? "        " : "",
		text(status, "services_error", ""));
	print_services(out, json_object_get(status, "services"));
}
