#include "init/services/health.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/services/baseline.h"
#include "init/services/run.h"
#include "lib/cleanup.h"
#include "lib/json.h"

void health_init(struct health *health, const char *folder, const char *log)
{
	*health = (struct health){.folder = folder, .log = log};
	snprintf(health->said, sizeof(health->said), "the checks in %s have not ended yet", folder);
}

static void forget(struct health *health)
{
	for (size_t i = 0; i < health->count; i++)
		free(health->names[i]);
	free(health->names);
	health->names = NULL;
	health->count = health->at = 0;
}

/* Not what editors and package managers leave beside a program. */
static int is_check(const struct dirent *entry)
{
	const char *name = entry->d_name;
	size_t length = strlen(name);

	return name[0] != '.' && name[length - 1] != '~' && !strchr(name, '\n');
}

static void list(struct health *health)
{
	struct dirent **entries = NULL;
	int count = scandir(health->folder, &entries, is_check, alphasort);

	forget(health);
	health->failing[0] = health->known_failing[0] = '\0';
	json_decref(health->names_failing);
	health->names_failing = json_array();
	for (int i = 0; i < count; i++) {
		char *path = NULL;
		struct stat status;
		char **bigger = NULL;

		if (asprintf(&path, "%s/%s", health->folder, entries[i]->d_name) < 0)
			path = NULL;
		if (path && stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
		    (status.st_mode & 0111))
			bigger = realloc(health->names, (health->count + 1) * sizeof(*bigger));
		if (bigger) {
			health->names = bigger;
			health->names[health->count++] = path;
		} else {
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
}

static const char *name_of(const struct health *health)
{
	return strrchr(health->names[health->at], '/') + 1;
}

static void fail(struct health *health, const char *why)
{
	bool known = baseline_has(health->known, name_of(health));
	char *out = known ? health->known_failing : health->failing;
	size_t used = strlen(out);

	snprintf(out + used, sizeof(health->failing) - used, "%scheck %s %s", used ? "; " : "",
		 name_of(health), why);
	(void)json_array_append_new(health->names_failing, json_text(name_of(health)));
}

static void end_check(struct health *health, int status)
{
	char why[64];

	health->pid = 0;
	if (health->killed)
		fail(health, "took too long");
	else if (WIFSIGNALED(status))
		fail(health, "was killed");
	else if (WEXITSTATUS(status) != 0) {
		snprintf(why, sizeof(why), "failed (exit code %d)", WEXITSTATUS(status));
		fail(health, why);
	}
	health->at++;
}

static void start_check(struct health *health, uint64_t now)
{
	char *const argv[] = {health->names[health->at], NULL};
	_cleanup_fd_ int log = -1;
	int r;

	/* Anew in each round, so that it stays small. */
	log = open(health->log,
		   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC |
			   (health->at == 0 ? O_TRUNC : 0),
		   0640);
	if (log < 0)
		log = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dprintf(log, "$ %s\n", argv[0]);
	health->began_ms = now;
	health->killed = false;
	r = run_start(argv, log, &health->pid);
	if (r < 0) {
		health->pid = 0;
		fail(health, "cannot be run");
		dprintf(log, "%s\n", strerror(-r));
		health->at++;
	}
}

static void end_round(struct health *health, uint64_t now, bool waiting)
{
	memcpy(health->said, health->failing, sizeof(health->said));
	memcpy(health->known_said, health->known_failing, sizeof(health->known_said));
	json_decref(health->failed);
	health->failed = health->names_failing;
	health->names_failing = NULL;
	health->ended++;
	health->passed = !health->again && !health->said[0] && !health->known_said[0];
	health->next_ms = health->again ? now : now + (waiting ? HEALTH_AGAIN_MS : HEALTH_LATER_MS);
	health->again = false;
	forget(health);
}

void health_step(struct health *health, uint64_t now, uint64_t timeout_ms, bool waiting)
{
	int status = 0;

	if (health->passed || (!health->names && now < health->next_ms))
		return;
	if (health->pid > 0) {
		if (waitpid(health->pid, &status, WNOHANG) == 0) {
			/* One that waits for a disk ends when it can; nobody waits for it here. */
			if (now - health->began_ms >= timeout_ms) {
				health->killed = true;
				kill(-health->pid, SIGKILL);
			}
			return;
		}
		end_check(health, status);
	} else if (!health->names) {
		list(health);
	}
	while (health->at < health->count && health->pid == 0)
		start_check(health, now);
	if (health->pid == 0)
		end_round(health, now, waiting);
}

unsigned health_again(struct health *health)
{
	/* What ends now may have begun before what it is asked for. */
	health->again = health->names != NULL;
	health->passed = false;
	health->next_ms = 0;
	return health->ended + (health->again ? 2 : 1);
}

void health_end(struct health *health)
{
	if (health->pid > 0) {
		kill(-health->pid, SIGKILL);
		(void)waitpid(health->pid, NULL, 0);
		health->pid = 0;
	}
	json_decref(health->names_failing);
	json_decref(health->failed);
	health->names_failing = health->failed = NULL;
	forget(health);
}
