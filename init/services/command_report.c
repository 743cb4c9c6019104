#include "init/services/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "init/services/command_config.h"
#include "init/services/support.h"
#include "init/services/support_tar.h"
#include "lib/cleanup.h"
#include "lib/command.h"
#include "lib/config/layers.h"
#include "lib/console.h"

enum {
	PART_MS = 20 * 1000,
	PART_MAX = 4 << 20,
	WHOLE_MS = 120 * 1000, /* then the rest is left out */
	NAME_SIZE = 64,        /* and a part's name behind it: ustar has 100 bytes */
};

struct bundle {
	int fd;
	char name[NAME_SIZE]; /* the folder in the archive */
	time_t now;
	uint64_t began_ms;
	struct mask_secrets secrets;
	char *manifest;
	size_t manifest_size;
	FILE *list; /* writes the manifest */
	unsigned int parts, failed;
};

static int add_file(struct bundle *b, const char *name, const char *data, size_t size,
		    struct error *err)
{
	char path[2 * NAME_SIZE];

	snprintf(path, sizeof(path), "%s/%s", b->name, name);
	return support_tar_add(b->fd, path, data, size, (uint64_t)b->now, err);
}

static int add_part(struct bundle *b, const struct support_part *part, struct error *err)
{
	const struct support_limits limits = {.timeout_ms = PART_MS, .size_max = PART_MAX};
	struct support_text text = {0};
	uint64_t start = console_now_ms();
	int r = 0;

	if (start - b->began_ms >= WHOLE_MS) {
		text.failed = true;
		snprintf(text.reason, sizeof(text.reason), "left out: there was no time left");
	} else if (support_collect(part, &limits, &b->secrets, &text) < 0) {
		free(text.data);
		return error_oom(err);
	}
	fprintf(b->list, "%-7s %9zu %6llu  %s%s%s\n", text.failed ? "failed" : "ok", text.size,
		(unsigned long long)(console_now_ms() - start), part->name,
		text.reason[0] ? ": " : "", text.reason);
	b->parts++;
	b->failed += text.failed;
	if (text.failed) {
		char *whole = NULL;
		int size = asprintf(&whole, "%s%serror: %s\n", text.data ? text.data : "",
				    text.size ? "\n" : "", text.reason);

		r = size < 0 ? error_oom(err) : add_file(b, part->name, whole, (size_t)size, err);
		if (size >= 0)
			free(whole);
	} else {
		r = add_file(b, part->name, text.data ? text.data : "", text.size, err);
	}
	free(text.data);
	return r;
}

static int print_secrets(FILE *out, const char *argument, struct error *err)
{
	_cleanup_whole_config_ struct config config = {0};
	int r = config_load(&config_of_this_machine, &config, err);

	(void)argument;
	if (r == 0)
		mask_print_secrets(out, &config.tree);
	return r;
}

/* In a process of its own too: the configuration lies on the disk that may not answer. */
static int learn_secrets(struct bundle *b, struct error *err)
{
	static const struct support_part part = {"secrets", print_secrets, NULL};
	const struct support_limits limits = {.timeout_ms = PART_MS, .size_max = PART_MAX};
	struct support_text text;
	int r = support_collect(&part, &limits, NULL, &text);

	b->secrets = (struct mask_secrets){text.data, text.size};
	if (text.failed)
		fprintf(b->list,
			"failed          0      0  secrets: %s; they are masked only where "
			"their place is known\n",
			text.reason);
	return r < 0 ? error_oom(err) : 0;
}

static int write_parts(struct bundle *b, struct error *err)
{
	int r;

	fputs("state       bytes     ms  part\n", b->list);
	r = learn_secrets(b, err);
	for (size_t i = 0; i < support_machine_count && r == 0; i++)
		r = add_part(b, &support_machine_parts[i], err);
	for (size_t i = 0; i < support_docker_count && r == 0; i++)
		r = add_part(b, &support_docker_parts[i], err);
	if (r == 0 && fflush(b->list) != 0)
		r = error_oom(err);
	return r == 0 ? add_file(b, "MANIFEST", b->manifest, b->manifest_size, err) : r;
}

static int write_bundle(struct bundle *b, struct error *err)
{
	int r;

	b->list = open_memstream(&b->manifest, &b->manifest_size);
	r = b->list ? write_parts(b, err) : error_oom(err);
	if (r == 0)
		r = support_tar_end(b->fd, err);
	if (r == 0 && fsync(b->fd) < 0)
		r = error_errno(err, "cannot write it to its end");
	if (b->list)
		fclose(b->list);
	free(b->manifest);
	free(b->secrets.texts);
	return r;
}

static void choose_name(struct bundle *b)
{
	char host[65] = "", when[32];
	struct tm utc;

	b->now = time(NULL);
	gethostname(host, sizeof(host) - 1);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&b->now, &utc));
	snprintf(b->name, sizeof(b->name), "proa-report-%.32s-%.16s", host[0] ? host : "proa",
		 when);
}

int command_report(int argc, char **argv)
{
	const char *path = NULL;
	const struct option options[] = {
		{'o', "output", "FILE", OPTION_STRING, &path,
		 "the file to write (proa-report-HOST-TIME.tar.zst)"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa report",
		.operands = "[-o FILE]",
		.summary = "Writes what support needs to know of this machine to one file.",
		.notes = "Secrets of the configuration and containers' environments are masked.",
	};
	struct bundle b = {.began_ms = console_now_ms()};
	struct error err = ERROR_INIT;
	char own[NAME_SIZE + 16];
	_cleanup_fd_ int fd = -1;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (command_config_here(&err) < 0) {
		fprintf(stderr, "proa report: %s\n", err.message);
		return EXIT_FAILED;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "proa report: only root may read all of it: sudo proa report\n");
		return EXIT_REFUSED;
	}
	choose_name(&b);
	snprintf(own, sizeof(own), "%s.tar.zst", b.name);
	path = path ? path : own;
	/* Never over what is there: in /tmp somebody else may have put it. */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "proa report: cannot create %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	b.fd = fd;
	if (write_bundle(&b, &err) < 0) {
		unlink(path);
		fprintf(stderr, "proa report: %s: %s\n", path, err.message);
		return EXIT_FAILED;
	}
	printf("%s: %u parts, %u of them failed or incomplete (its MANIFEST says why).\n"
	       "Look through it before you give it away: logs and commands may hold secrets.\n",
	       path, b.parts, b.failed);
	return EXIT_DONE;
}
