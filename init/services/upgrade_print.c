#include "init/services/upgrade_print.h"

#include <string.h>
#include <time.h>

#include "lib/size.h"
#include "lib/upgrades.h"

/* Before the release and its slot, and behind it. */
static const struct {
	enum upgrades_kind kind;
	bool end;
	const char *before, *behind;
} sentences[] = {
	{UPGRADES_STARTED, false, "the writing of ", " goes on, or was cut off"},
	{UPGRADES_FAILED, true, "the upgrade to ", " failed"},
	{UPGRADES_STAGED, true, "", " was staged"},
	{UPGRADES_UPGRADED, true, "", " was made the one that boots next"},
	{UPGRADES_CANCELLED, false, "the flip to ", " was taken back"},
	{UPGRADES_PASSED, false, "", " passed its health gate"},
	{UPGRADES_FELL_BACK, false, "fell back from ", ""},
	{UPGRADES_ROLLED_BACK, false, "a person rolled back from ", ""},
	{UPGRADES_MARKED_BAD, false, "a person marked ", " bad"},
};

static const char *text(const json_t *event, const char *key)
{
	const char *value = json_string_value(json_object_get(event, key));

	return value ? value : "";
}

static size_t sentence_of(const json_t *event)
{
	size_t i = 0;

	while (i + 1 < sizeof(sentences) / sizeof(sentences[0]) &&
	       strcmp(upgrades_word(sentences[i].kind), text(event, "event")) != 0)
		i++;
	return i;
}

bool upgrade_is_end(const json_t *event)
{
	return sentences[sentence_of(event)].end;
}

void upgrade_print_time(FILE *out, json_int_t seconds)
{
	char when[40] = "an unknown time";
	time_t time = (time_t)seconds;
	struct tm parts;

	if (localtime_r(&time, &parts) && parts.tm_year < 9999 - 1900)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &parts);
	fputs(when, out);
}

void upgrade_print(FILE *out, const json_t *event, bool bytes)
{
	json_int_t fetched = json_integer_value(json_object_get(event, "bytes_fetched"));
	json_int_t reused = json_integer_value(json_object_get(event, "bytes_reused"));
	char one[SIZE_TEXT_SIZE], other[SIZE_TEXT_SIZE];
	size_t i = sentence_of(event);

	fprintf(out, "%sProa %s in slot %s%s", sentences[i].before, text(event, "version"),
		text(event, "slot"), sentences[i].behind);
	if (json_is_true(json_object_get(event, "unattended")))
		fputs(", unattended", out);
	if (bytes && fetched + reused > 0)
		fprintf(out, "; %s fetched, %s reused", size_text((uint64_t)fetched, one),
			size_text((uint64_t)reused, other));
	if (text(event, "text")[0])
		fprintf(out, ": %s", text(event, "text"));
}
