/* proa-image channel: the signed list of the releases that a server has. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "images/command.h"
#include "images/signer.h"
#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/format/channel.h"
#include "lib/format/document.h"
#include "lib/io.h"

enum { DAY_S = 24 * 60 * 60, DAYS_MAX = 3650 };

struct channel_request {
	const char *serial, *time, *days, *output;
	struct option_list keys;
	const char *bundles[CHANNEL_RELEASES_MAX];
	size_t bundle_count;
};

/* What a machine needs to know of it before it fetches it. */
static int add_bundle(struct channel *channel, const char *path, struct error *err)
{
	struct channel_release *release = &channel->releases[channel->count];
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const struct bundle_head *head;
	const char *slash = strrchr(path, '/');
	struct stat status;
	int r;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_errno(err, "cannot open %s", path);
	r = bundle_open(fd, NULL, &bundle, err);
	if (r < 0)
		return error_wrap(err, r, "%s", path);
	head = bundle_head(bundle);
	snprintf(release->version, sizeof(release->version), "%s", head->manifest.version);
	snprintf(release->min_version, sizeof(release->min_version), "%s",
		 head->manifest.min_version);
	release->epoch = head->manifest.epoch;
	release->bundle_size = (uint64_t)status.st_size;
	if ((size_t)snprintf(release->file, sizeof(release->file), "%s",
			     slash ? slash + 1 : path) >= sizeof(release->file))
		return error_set(err, -ENAMETOOLONG, "the name of %s is too long", path);
	channel->count++;
	r = hash_bytes(head->manifest_text, head->manifest_size, release->manifest_sha256);
	return r < 0 ? error_set(err, r, "OpenSSL could not hash the manifest") : 0;
}

/*
 * One more than that of the file that is about to be replaced; and at least the time, so that a
 * channel that is made where the former one does not lie is newer than that, too.
 */
static int next_serial(const char *path, uint64_t now, uint64_t *serial, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct channel before;
	size_t size;
	int r;

	*serial = now;
	if (access(path, F_OK) < 0)
		return 0;
	r = io_read_file(path, CHANNEL_SIZE_MAX, &text, &size, err);
	if (r == 0)
		r = channel_parse(text, size, &before, err);
	if (r < 0)
		return error_wrap(err, r, "%s, whose serial is to be followed", path);
	*serial = before.serial < now ? now : before.serial + 1;
	return 0;
}

static int number(const char *text, const char *name, uint64_t most, uint64_t *out,
		  struct error *err)
{
	struct span span = {.text = text, .size = strlen(text)};

	if (span_number(span, out) == 0 && *out > 0 && *out <= most)
		return 0;
	return error_set(err, -EINVAL, "--%s is a whole number from 1 to %llu", name,
			 (unsigned long long)most);
}

/* A machine takes a channel for that alone which its address names: NAME.channel. */
static int name_of(const char *path, char out[MANIFEST_TEXT_SIZE], struct error *err)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	const char *dot = strrchr(file, '.');

	if (!dot || dot == file || strcmp(dot, ".channel") != 0 ||
	    (size_t)(dot - file) >= MANIFEST_TEXT_SIZE)
		return error_set(err, -EINVAL, "-o %s: a channel's file is called NAME.channel",
				 path);
	snprintf(out, MANIFEST_TEXT_SIZE, "%.*s", (int)(dot - file), file);
	return 0;
}

static int fill(const struct channel_request *q, struct channel *channel, struct error *err)
{
	uint64_t days = 0;
	int r = number(q->days, "days", DAYS_MAX, &days, err);

	if (r == 0)
		r = name_of(q->output, channel->name, err);
	channel->time = (uint64_t)time(NULL);
	if (r == 0 && q->time)
		r = number(q->time, "time", INT64_MAX, &channel->time, err);
	if (r == 0)
		r = q->serial ? number(q->serial, "serial", INT64_MAX, &channel->serial, err)
			      : next_serial(q->output, channel->time, &channel->serial, err);
	channel->expires = channel->time + days * DAY_S;
	for (size_t i = 0; r == 0 && i < q->bundle_count; i++)
		r = add_bundle(channel, q->bundles[i], err);
	return r;
}

static int make(const struct channel_request *q, struct error *err)
{
	_cleanup_free_ struct channel *channel = calloc(1, sizeof(*channel));
	char text[CHANNEL_SIZE_MAX];
	struct signatures set = {.count = 0};
	size_t size = 0;
	int r;

	if (!channel)
		return error_oom(err);
	r = fill(q, channel, err);
	if (r == 0)
		r = channel_render(channel, text, &size, err);
	if (r == 0)
		r = signer_sign(&q->keys, text, size, &set, err);
	if (r == 0)
		r = signer_save(q->output, text, size, &set, err);
	if (r == 0)
		printf("channel %s, serial %llu, %zu release%s\n", channel->name,
		       (unsigned long long)channel->serial, channel->count,
		       channel->count == 1 ? "" : "s");
	return r;
}

int image_channel(int argc, char **argv)
{
	struct channel_request q = {.days = "30"};
	const struct option options[] = {
		{0, "serial", "N", OPTION_STRING, &q.serial,
		 "default: one more than the replaced file's, and at least the time"},
		{0, "time", "SECONDS", OPTION_STRING, &q.time, "since 1970 (default now)"},
		{0, "days", "N", OPTION_STRING, &q.days, "until it expires (default 30)"},
		{'k', "key", "KEY", OPTION_LIST, &q.keys, "sign with this private channel key"},
		{'o', "output", "FILE", OPTION_STRING, &q.output,
		 "NAME.channel; signatures go to FILE.sig"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image channel",
		.operands = "[--key KEY…] -o NAME.channel BUNDLE…",
		.summary = "Writes a channel: the bundles that a server has, beside which it is to "
			   "lie.",
		.notes = "Without --key it is signed later: proa-image digest and attach.",
	};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, q.bundles, CHANNEL_RELEASES_MAX,
				  &q.bundle_count);

	if (r >= 0)
		return r;
	if (!q.output || q.bundle_count == 0)
		return command_usage(usage.command, "-o and at least one bundle are needed");
	return make(&q, &err) < 0 ? image_failed(&err) : EXIT_DONE;
}
