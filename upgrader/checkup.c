#include "upgrader/checkup.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/request.h"
#include "lib/runtime.h"

enum { ANSWER_TIMEOUT_S = 20 };

static int ask(const char *line, char *answer, size_t size, struct error *err)
{
	const struct request request = {RUNTIME_SERVICES_SOCKET, "the service manager",
					ANSWER_TIMEOUT_S};

	return request_send(&request, line, answer, size, err);
}

/* The manager sets itself a limit: it answers "waiting" no longer than its gate would wait. */
static int take(const char *root_hash, char *answer, size_t size, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 500L * 1000 * 1000};
	char line[HASH_HEX_SIZE + 16];
	int r;

	snprintf(line, sizeof(line), "baseline %s", root_hash);
	r = ask(line, NULL, 0, err);
	while (r == 0) {
		r = ask("baseline", answer, size, err);
		if (r < 0 || strcmp(answer, "waiting") != 0)
			break;
		nanosleep(&pause, NULL);
	}
	return r;
}

void checkup_take(const struct target *target, const char *command, const struct manifest *release)
{
	char answer[REQUEST_LINE_MAX] = "", root_hash[HASH_HEX_SIZE];
	static const char taken[] = "taken ";
	struct error err = ERROR_INIT;

	if (target->facts.offline)
		return;
	hex_encode(release->root_hash, HASH_SIZE, root_hash);
	fprintf(stderr, "Looking at checks and containers as they are now\n");
	if (take(root_hash, answer, sizeof(answer), &err) < 0) {
		/* What was found before an earlier try of this release says nothing of today. */
		(void)unlink(RUNTIME_BASELINE);
		fprintf(stderr,
			"%s: warning: what fails already will be held against Proa %s: %s\n",
			command, release->version, err.message);
		return;
	}
	if (strncmp(answer, taken, strlen(taken)) == 0 && answer[strlen(taken)])
		fprintf(stderr, "These fail already, and are not held against Proa %s: %s\n",
			release->version, answer + strlen(taken));
}
