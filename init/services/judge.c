#include "init/services/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init/services/paths.h"
#include "init/services/run.h"
#include "init/services/supervisor.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/console.h"
#include "lib/io.h"
#include "lib/options.h"

enum {
	LIST_TIMEOUT_MS = 20000,
	LOOK_AGAIN_MS = 2000,  /* while the gate waits */
	LOOK_LATER_MS = 60000, /* what runs is remembered for the next boot */
	REMEMBER_MS = 20000, /* for the last look, before user Docker is stopped: it ends with it */
	RECORD_MAX = 1 << 20,
	READ_AT_ONCE = 1 << 20,
	CLOCK_SET_MS = 1000, /* from one look to the next */
};

#define CHECKS     "/var/lib/proa/health.d"
#define CHECKS_LOG "/var/log/health.log"
#define RECORD     "/var/lib/proa/containers"
#define BASELINE   RUNTIME_BASELINE

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)console_now_ms();
}

/* Set, that is, and not only slowed down or hurried, which ntp does by 0.1 % at the most. */
static void watch_clock(struct judge *judge)
{
	int64_t now = clock_ms();

	if (llabs(now - judge->clock_ms) >= CLOCK_SET_MS)
		judge->containers.clock_was_set = true;
	judge->clock_ms = now;
}

void judge_init(struct judge *judge)
{
	*judge = (struct judge){.clock_ms = clock_ms()};
	health_init(&judge->checks, CHECKS, CHECKS_LOG);
}

/* -- /boot ------------------------------------------------------------------------------- */

/* Through dm-verity: a rotten block is noticed now, and not when the next boot needs it. */
static int read_file(const char *path)
{
	_cleanup_free_ char *buffer = malloc(READ_AT_ONCE);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	while (buffer && fd >= 0 && got > 0)
		got = read(fd, buffer, READ_AT_ONCE);
	if (!buffer || fd < 0 || got < 0)
		return -1;
	/* Read once: the memory is for others. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

int judge_read_boot(void)
{
	static const char *const files[] = {"/boot/vmlinuz", "/boot/initrd", "/boot/args",
					    "/boot/sums", "/boot/sums.copy"};
	int r = EXIT_DONE;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		r = read_file(files[i]) < 0 ? EXIT_FAILED : r;
	return r;
}

static void step_boot(struct judge *judge)
{
	static char *const argv[] = {(char *)"/proc/self/exe", (char *)"--read-boot", NULL};
	int status = 0;

	if (judge->read)
		return;
	if (judge->reader == 0) {
		_cleanup_fd_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		judge->read = run_start(argv, null, &judge->reader) < 0;
		return;
	}
	if (waitpid(judge->reader, &status, WNOHANG) == 0)
		return;
	judge->reader = 0;
	judge->read = true;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE)
		snprintf(judge->boot, sizeof(judge->boot),
			 "the kernel or the initramfs in /boot cannot be read");
}

/* -- people's containers ------------------------------------------------------------------ */

static int ask(struct supervisor *supervisor, const char *path, docker_done done)
{
	struct docker_query query = {
		.socket = PATH_USER_DOCKER,
		.method = "GET",
		.path = path,
		.timeout_ms = LIST_TIMEOUT_MS,
		.done = done,
		.data = supervisor,
	};
	int r = docker_send(supervisor->loop, &query, NULL, NULL);

	supervisor->judge.asking = r == 0;
	return r;
}

static void write_record(struct judge *judge)
{
	char *text = containers_record(&judge->containers, judge->list);

	if (!text || (judge->recorded && strcmp(text, judge->recorded) == 0)) {
		free(text);
		return;
	}
	/* A full disk costs no more than what is remembered. */
	if (io_replace_file(RECORD, text, strlen(text), 0600, NULL) < 0) {
		free(text);
		return;
	}
	free(judge->recorded);
	judge->recorded = text;
}

static void record(struct supervisor *supervisor);

static void inspected(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;
	struct judge *judge = &supervisor->judge;

	judge->asking = false;
	/* One that has gone meanwhile is in no list any more: the next look finds out. */
	if (docker_reply_ok(reply) &&
	    containers_note(&judge->containers, judge->id, reply->body) == 0)
		record(supervisor);
}

/* Once it is known of each container whether it has a restart policy. */
static void record(struct supervisor *supervisor)
{
	struct judge *judge = &supervisor->judge;
	const char *id = containers_unknown(&judge->containers, judge->list);
	char path[128];

	if (!id) {
		write_record(judge);
		judge->remembered = judge->remembering;
		return;
	}
	snprintf(judge->id, sizeof(judge->id), "%s", id);
	snprintf(path, sizeof(path), "/containers/%s/json", judge->id);
	(void)ask(supervisor, path, inspected);
}

static void listed(void *data, const struct docker_reply *reply)
{
	struct supervisor *supervisor = data;
	struct judge *judge = &supervisor->judge;

	judge->asking = false;
	if (!docker_reply_ok(reply) || !json_is_array(reply->body) ||
	    supervisor->stopping != judge->remembering)
		return;
	judge->listed = true;
	watch_clock(judge);
	baseline_look(&judge->taking, reply->body, console_now_ms());
	/* The first look after the verdict still follows quickly on the one before. */
	containers_judge(&judge->containers, reply->body, console_now_ms(), !judge->settled);
	/* What runs in a boot that failed is no measure for the next one. */
	if (supervisor->gate.verdict != GATE_PASSED)
		return;
	/* What has come back is as it was: from now on a person may stop it. */
	containers_settle(&judge->containers, reply->body, console_now_ms(), !judge->settled);
	judge->settled = true;
	json_decref(judge->list);
	judge->list = json_deep_copy(reply->body);
	if (!judge->list)
		return;
	if (judge->remembering) {
		/* By what is known, should there be no time to ask for each of them anew. */
		if (!containers_unknown(&judge->containers, judge->list))
			write_record(judge);
		containers_forget_policies(&judge->containers);
	}
	record(supervisor);
}

bool judge_remember(struct supervisor *supervisor, uint64_t now)
{
	struct judge *judge = &supervisor->judge;

	if (supervisor->gate.verdict != GATE_PASSED || !supervisor->user_docker.answers ||
	    judge->remembered)
		return true;
	if (!judge->remembering) {
		judge->remembering = true;
		judge->next_ms = now + REMEMBER_MS;
		judge->asked_last = false;
	}
	/* An answer that is under way is of no use any more, but it must come first. */
	if (!judge->asking && !judge->asked_last) {
		judge->asked_last = true;
		(void)ask(supervisor, "/containers/json?all=1", listed);
	}
	return now >= judge->next_ms;
}

static void read_record(struct judge *judge)
{
	size_t size;

	if (judge->recorded)
		return;
	if (io_read_file(RECORD, RECORD_MAX, &judge->recorded, &size, NULL) < 0)
		judge->recorded = strdup("");
	if (judge->recorded)
		(void)containers_read(&judge->containers, judge->recorded);
}

static void step_containers(struct supervisor *supervisor, uint64_t now)
{
	struct judge *judge = &supervisor->judge;

	if (judge->asking || now < judge->next_ms)
		return;
	read_record(judge);
	judge->next_ms = now + (supervisor->gate.verdict == GATE_OPEN || judge->taking.active
					? LOOK_AGAIN_MS
					: LOOK_LATER_MS);
	(void)ask(supervisor, "/containers/json?all=1", listed);
}

/* -- the baseline --------------------------------------------------------------------------- */

void judge_know(struct judge *judge, const char *release)
{
	baseline_read(BASELINE, release, &judge->known);
	judge->checks.known = judge->known.checks;
	judge->containers.known = judge->known.containers;
}

int judge_take_baseline(struct supervisor *supervisor, const char *release, struct error *err)
{
	struct judge *judge = &supervisor->judge;
	uint64_t now = console_now_ms();

	if (supervisor->gate.verdict != GATE_PASSED)
		return error_set(err, -EAGAIN, "the health gate has not passed");
	if (!supervisor->user_docker.answers)
		return error_set(err, -EAGAIN, "user Docker does not answer");
	baseline_begin(&judge->taking, release, health_again(&judge->checks), now);
	containers_forget_policies(&judge->containers);
	judge->next_ms = now;
	return 0;
}

const struct baseline_taking *judge_baseline(struct supervisor *supervisor)
{
	const struct config *config = &supervisor->configured.config;

	/* Checks that need longer than the gate's time have failed in any case. */
	baseline_expire(&supervisor->judge.taking, console_now_ms(),
			(uint64_t)config_get_duration(config, "proa.health.deadline") * 1000);
	return &supervisor->judge.taking;
}

/* -- all of it ------------------------------------------------------------------------------ */

void judge_step(struct supervisor *supervisor, uint64_t now)
{
	struct judge *judge = &supervisor->judge;
	const struct config *config = &supervisor->configured.config;
	bool waiting = supervisor->gate.verdict == GATE_OPEN;

	if (supervisor->stopping || !supervisor->user_docker.answers)
		return;
	step_boot(judge);
	step_containers(supervisor, now);
	health_step(&judge->checks, now,
		    (uint64_t)config_get_duration(config, "proa.health.check_timeout") * 1000,
		    waiting);
	baseline_step(&judge->taking, BASELINE, judge->checks.ended, judge->checks.failed, now);
}

void judge_says(const struct supervisor *supervisor, char *out, size_t size)
{
	const struct judge *judge = &supervisor->judge;
	const char *const parts[] = {
		judge->listed ? judge->containers.said : "people's containers are not known yet",
		judge->checks.said,
		judge->read ? judge->boot : "the kernel in /boot has not been read yet",
	};
	size_t used = 0;

	out[0] = '\0';
	/* Then that is what there is to say. */
	if (!supervisor->user_docker.answers)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int wrote = parts[i][0] ? snprintf(out + used, size - used, "%s%s",
						   used ? "; " : "", parts[i])
					: 0;

		if (wrote < 0 || (size_t)wrote >= size - used)
			return;
		used += (size_t)wrote;
	}
}

void judge_says_known(const struct judge *judge, char *out, size_t size)
{
	const char *containers = judge->containers.known_said, *checks = judge->checks.known_said;

	snprintf(out, size, "%s%s%s", containers, *containers && *checks ? "; " : "", checks);
}

void judge_end(struct judge *judge)
{
	baseline_end(&judge->taking);
	baseline_free(&judge->known);
	health_end(&judge->checks);
	containers_free(&judge->containers);
	json_decref(judge->list);
	free(judge->recorded);
}
