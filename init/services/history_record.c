#include "init/services/history_record.h"

#include <string.h>

#include "lib/printable.h"

/* The record's last lines as history_boot has them. They are changed. */
static void split_lines(char *lines, struct history_boot *out)
{
	char *end = lines + strlen(lines);
	size_t count = 0, skip;

	if (lines == end)
		return;
	if (end[-1] == '\n')
		*--end = '\0';
	for (char *p = lines; p <= end; p++)
		count += *p == '\n' || !*p;
	skip = count > HISTORY_LINES_MAX ? count - HISTORY_LINES_MAX : 0;
	out->line_count = count - skip;
	while (skip-- > 0)
		lines = strchr(lines, '\n') + 1;
	out->lines = lines;
	for (char *line = lines, *next; line < end; line = next + 1) {
		next = strchrnul(line, '\n');
		*next = '\0';
		printable_make(line);
	}
}

void history_from_record(struct bootlog_record *record, char text[HISTORY_TEXT_MAX + 1],
			 struct history_boot *out)
{
	bootlog_describe(record, text, HISTORY_TEXT_MAX + 1);
	printable_make(text);
	printable_make(record->version);
	printable_make(record->flip);
	*out = (struct history_boot){
		.number = record->boot,
		.time = record->time,
		.uptime_s = record->uptime_ms / 1000,
		.slot = record->slot,
		.stage = record->stage,
		.end = record->end,
		.fellback = record->flags & BOOTLOG_FELLBACK,
		.lastresort = record->flags & BOOTLOG_LASTRESORT,
		.degraded = record->flags & BOOTLOG_DEGRADED,
		.text = text,
	};
	memcpy(out->version, record->version, sizeof(out->version));
	memcpy(out->flip, record->flip, sizeof(out->flip));
	if (out->end == BOOTLOG_FAILED || out->end == BOOTLOG_RUNNING)
		split_lines(record->lines, out);
}
