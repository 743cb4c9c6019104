#include "upgrader/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/json.h"

/* One call each: the bar is drawn by another thread. */
static void print_text(const struct notices *notices, const struct fetch_notice *notice)
{
	fprintf(stderr, "%s%s: %s: %s; next try in %u s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
		notices->command, notice->url, notice->reason, (notice->wait_ms + 999) / 1000);
}

static void print_json(const struct fetch_notice *notice)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:s, s:o, s:o, s:f}", "event", "retry", "url", json_text(notice->url),
			  "error", json_text(notice->reason), "seconds", notice->wait_ms / 1000.0);
	_cleanup_free_ char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

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
