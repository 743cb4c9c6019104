#include "upgrader/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/json.h"

/* One call each: the bar is drawn by another thread. */
static void print_text(const struct notices *notices, const struct fetch_notice *notice)
{
	const char *clear = isatty(STDERR_FILENO) ? "\r\033[K" : "";

	if (notice->mirror)
		fprintf(stderr, "%s%s: %s; trying %s\n", clear, notices->command, notice->reason,
			notice->mirror);
	else
		fprintf(stderr, "%s%s: %s: %s; next try in %u s\n", clear, notices->command,
			notice->url, notice->reason, (notice->wait_ms + 999) / 1000);
}

static void print_json(const struct fetch_notice *notice)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:o, s:o}", "event", notice->mirror ? "mirror" : "retry", "url",
			  json_text(notice->url), "error", json_text(notice->reason));
	_cleanup_free_ char *line = NULL;

	if (notice->mirror)
		json_object_set_new(json, "mirror", json_text(notice->mirror));
	else
		json_object_set_new(json, "seconds", json_real(notice->wait_ms / 1000.0));
	line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(4)) : NULL;
	if (line) {
		printf("%s\n", line);
		fflush(stdout);
	}
}

void notices_print(void *context, const struct fetch_notice *notice)
{
	const struct notices *notices = context;

	if (notices->json)
		print_json(notice);
	else
		print_text(notices, notice);
}
