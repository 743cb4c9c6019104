#include "init/supervise/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootloader/bootlog.h"
#include "init/say.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	TAIL = 32 << 10, /* holds the last line of a boot, its kernel log included */
	FILE_LIMIT = 1 << 20, /* then it becomes history.1 */
	LINES_KEPT = 50,
};

/*
 * The number of the last boot that the file names; 0: none, or no such file. One that is
 * yet to come is from another machine's life, and does not count.
 */
static uint64_t last_written(const char *path, uint64_t current)
{
	_cleanup_free_ char *tail = calloc(1, TAIL + 1);
	_cleanup_fd_ int fd = io_open_regular(AT_FDCWD, path, O_RDONLY, 0);
	struct stat status;
	uint64_t last = 0;
	ssize_t got;

	if (!tail || fd < 0 || fstat(fd, &status) < 0)
		return 0;
	got = pread(fd, tail, TAIL, status.st_size > TAIL ? status.st_size - TAIL : 0);
	/* A power cut leaves zeros, or a line without its end: its boot is still to be written. */
	for (ssize_t i = 0; i < got; i++)
		tail[i] = tail[i] ? tail[i] : '?';
	for (const char *line = tail, *end; (end = strchr(line, '\n')); line = end + 1) {
		uint64_t boot = strncmp(line, "boot=", 5) == 0 ? strtoull(line + 5, NULL, 10) : 0;

		if (boot > 0 && boot < current)
			last = boot;
	}
	return last;
}

struct harvest {
	FILE *out;
	uint64_t current;
};

static void write_lines(FILE *out, const char *lines)
{
	size_t skip = 0;

	for (const char *p = lines; *p; p++)
		skip += *p == '\n';
	skip = skip > LINES_KEPT ? skip - LINES_KEPT : 0;
	while (*lines) {
		size_t length = strcspn(lines, "\n");

		if (skip > 0)
			skip--;
		else
			fprintf(out, "\t%.*s\n", (int)length, lines);
		lines += length + (lines[length] == '\n');
	}
}

static int write_boot(void *context, const struct bootlog_record *record)
{
	const struct harvest *harvest = context;
	char text[512];

	if (record->boot == harvest->current)
		return 0;
	bootlog_describe(record, text, sizeof(text));
	fprintf(harvest->out,
		"boot=%llu time=%llu uptime=%llu slot=%c version=%s stage=%d end=%d fellback=%d "
		"lastresort=%d degraded=%d flip=%s text=%s\n",
		(unsigned long long)record->boot, (unsigned long long)record->time,
		(unsigned long long)record->uptime_ms / 1000, record->slot, record->version,
		(int)record->stage, (int)record->end, !!(record->flags & BOOTLOG_FELLBACK),
		!!(record->flags & BOOTLOG_LASTRESORT), !!(record->flags & BOOTLOG_DEGRADED),
		record->flip, text);
	if (record->end == BOOTLOG_FAILED || record->end == BOOTLOG_RUNNING)
		write_lines(harvest->out, record->lines);
	return ferror(harvest->out) ? -EIO : 0;
}

/* A line that a power cut has torn gets its end: the next one must not be lost with it. */
static void end_last_line(FILE *out)
{
	_cleanup_fd_ int fd = io_open_regular(AT_FDCWD, HISTORY_PATH, O_RDONLY, 0);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char byte = '\n';

	if (size > 0 && pread(fd, &byte, 1, size - 1) == 1 && byte != '\n')
		fputc('\n', out);
}

static int harvest(const struct facts *facts, struct error *err)
{
	struct harvest harvest = {.current = facts->boot};
	struct stat status;
	uint64_t last = last_written(HISTORY_PATH, facts->boot);
	_cleanup_fd_ int ring = bootlog_open(facts->flip, err);
	_cleanup_file_ FILE *out = NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	if (ring < 0)
		return ring;
	if (last == 0)
		last = last_written(HISTORY_PATH ".1", facts->boot);
	fd = io_open_regular(AT_FDCWD, HISTORY_PATH, O_WRONLY | O_APPEND | O_CREAT, 0644);
	if (fd < 0)
		return error_set(err, fd, "cannot open " HISTORY_PATH ": %s", strerror(-fd));
	out = fdopen(fd, "a");
	if (!out)
		return error_errno(err, "cannot open " HISTORY_PATH);
	fd = -1; /* the stream's now */
	harvest.out = out;
	end_last_line(out);
	r = bootlog_each(ring, 0, last, write_boot, &harvest, err);
	if (r == 0 && (fflush(out) != 0 || fsync(fileno(out)) < 0))
		r = error_errno(err, "cannot write " HISTORY_PATH);
	if (r == 0 && fstat(fileno(out), &status) == 0 && status.st_size > FILE_LIMIT)
		(void)rename(HISTORY_PATH, HISTORY_PATH ".1");
	return r;
}

void history_harvest(const struct facts *facts)
{
	static bool done;
	struct error err = ERROR_INIT;

	if (done || facts->boot == 0)
		return;
	done = true;
	if (harvest(facts, &err) < 0)
		say("error: %s", err.message);
}

static bool has_failed(const struct bootlog_record *record)
{
	/* One that was reset before its gate told nobody why, and failed all the same. */
	return record->end == BOOTLOG_FAILED ||
	       (record->end == BOOTLOG_RUNNING && record->stage < BOOTLOG_GATE);
}

static int count_lastresort(void *context, const struct bootlog_record *record)
{
	struct {
		uint64_t current;
		unsigned int count;
	} *state = context;

	if (record->boot == state->current)
		return 0;
	if (record->flags & BOOTLOG_LASTRESORT && has_failed(record))
		state->count++;
	else
		state->count = 0;
	return 0;
}

unsigned int history_failed_lastresorts(const struct facts *facts)
{
	struct {
		uint64_t current;
		unsigned int count;
	} state = {.current = facts->boot};
	_cleanup_fd_ int ring = bootlog_open(facts->flip, NULL);

	if (ring < 0 || bootlog_each(ring, 0, 0, count_lastresort, &state, NULL) < 0)
		return 0;
	return state.count;
}
