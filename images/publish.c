/* proa-image publish: a folder that any web server serves, right at every moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "images/command.h"
#include "images/page.h"
#include "images/published.h"
#include "images/put.h"
#include "images/shelf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { CHANNELS_MAX = 16, DAY_S = 24 * 60 * 60, LOCK_WAIT_MS = 10000 };

struct publish {
	const char *to;
	char from[PATH_MAX], name[CHANNEL_FILE_SIZE]; /* the channel's folder and file */
	struct shelf_roots roots;
	struct shelf_channel *channels[CHANNELS_MAX]; /* the one to publish, then those there */
	size_t count;
	bool to_put[CHANNEL_RELEASES_MAX]; /* those of its releases that are not there */
	bool left_out;                     /* a channel that is there could not be read */
};

static void free_publish(struct publish *p)
{
	for (size_t i = 0; i < p->count; i++) {
		shelf_free_channel(p->channels[i]);
		free(p->channels[i]);
	}
	shelf_free_roots(&p->roots);
}

/* ---- what is to be published ---- */

static int take_names(struct publish *p, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');

	if ((size_t)snprintf(p->from, sizeof(p->from), "%.*s", slash ? (int)(slash - path) : 1,
			     slash ? path : ".") >= sizeof(p->from) ||
	    (size_t)snprintf(p->name, sizeof(p->name), "%s", slash ? slash + 1 : path) >=
		    sizeof(p->name))
		return error_set(err, -ENAMETOOLONG, "the name %s is too long", path);
	if (slash == path)
		strcpy(p->from, "/");
	return 0;
}

/* As a machine looks at it whose clock is right. */
static int check_time(const struct channel *channel, struct error *err)
{
	uint64_t now = (uint64_t)time(NULL);

	if (channel->expires <= now)
		return error_set(err, -ESTALE,
				 "the channel has expired; make it anew: proa-image channel");
	if (channel->time > now + DAY_S)
		return error_set(
			err, -ESTALE,
			"the channel was made more than a day from now, and machines would "
			"refuse it; set this machine's clock, or make it anew");
	return 0;
}

static struct shelf_channel *new_channel(struct publish *p, struct error *err)
{
	struct shelf_channel *channel =
		p->count < CHANNELS_MAX ? calloc(1, sizeof(*channel)) : NULL;

	if (!channel && p->count == CHANNELS_MAX)
		error_set(err, -EFBIG, "%s has more than %d channels", p->to, CHANNELS_MAX);
	else if (!channel)
		error_oom(err);
	else
		p->channels[p->count++] = channel;
	return channel;
}

static int read_all(struct publish *p, struct error *err)
{
	const char *const folders[] = {p->from, p->to};
	struct shelf_channel *channel = new_channel(p, err);
	int r = channel ? shelf_read_roots(p->from, &p->roots, err) : err->code;

	if (r == 0)
		r = shelf_read_channel(p->from, p->name, &p->roots.newest.keys, channel, err);
	if (r == 0)
		r = check_time(&channel->channel, err);
	/* What is quickly seen to be wrong first: bundles are large. */
	if (r == 0)
		r = published_check_channel(p->to, channel, err);
	if (r == 0)
		r = published_check_roots(p->to, &p->roots, err);
	return r < 0 ? r : shelf_read_releases(folders, 2, &p->roots.newest.keys, channel, err);
}

/* ---- what is there ---- */

/* Another channel of the folder stays as it is, and stands on the page, too. */
static int add_other(void *context, const char *name, struct error *err)
{
	struct publish *p = context;
	const char *const folders[] = {p->to};
	struct error why = ERROR_INIT;
	struct shelf_channel *channel;
	int r;

	if (strcmp(name, p->name) == 0)
		return 0;
	channel = new_channel(p, err);
	if (!channel)
		return err->code;
	r = shelf_read_channel(p->to, name, &p->roots.newest.keys, channel, &why);
	if (r == 0)
		r = shelf_read_releases(folders, 1, &p->roots.newest.keys, channel, &why);
	if (r == 0)
		return 0;
	fprintf(stderr, "proa-image publish: warning: left out of the page: %s\n", why.message);
	p->left_out = true;
	shelf_free_channel(channel);
	free(channel);
	p->count--;
	return 0;
}

static int look_there(struct publish *p, struct error *err)
{
	const struct shelf_channel *channel = p->channels[0];

	for (size_t i = 0; i < channel->channel.count; i++) {
		int r = published_has_release(p->to, &channel->channel.releases[i],
					      &channel->releases[i], err);

		if (r < 0)
			return r;
		p->to_put[i] = r == 0;
	}
	return published_each(p->to, ".channel", add_other, p, err);
}

/* ---- putting it there ---- */

static int put(const struct publish *p, const char *name, const char *suffix, const void *data,
	       size_t size, struct error *err)
{
	char full_name[CHANNEL_FILE_SIZE + 8];
	int r;

	snprintf(full_name, sizeof(full_name), "%s%s", name, suffix);
	r = put_bytes(p->to, full_name, data, size, err);
	if (r > 0)
		printf("%s: written\n", full_name);
	return r < 0 ? r : 0;
}

static int put_releases(const struct publish *p, struct error *err)
{
	const struct shelf_channel *channel = p->channels[0];

	for (size_t i = 0; i < channel->channel.count; i++) {
		const struct shelf_release *release = &channel->releases[i];
		const char *file = channel->channel.releases[i].file;
		int r = 0;

		if (p->to_put[i])
			r = put_copy(p->to, file, release->path, release->sha256, err);
		if (r < 0)
			return r;
		printf("%s: %s\n", file, p->to_put[i] ? "written" : "there already");
		if (release->notes)
			r = put(p, release->notes_name, "", release->notes, release->notes_size,
				err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Who finds a root document finds its signatures, too. */
static int put_roots(const struct publish *p, struct error *err)
{
	for (size_t i = 0; i < p->roots.count; i++) {
		const struct shelf_document *root = &p->roots.documents[i];
		int r = put(p, root->name, ".sig", root->signature, root->signature_size, err);

		if (r == 0)
			r = put(p, root->name, "", root->text, root->size, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_pages(const struct publish *p, struct error *err)
{
	const struct shelf_channel *const *channels =
		(const struct shelf_channel *const *)p->channels;
	_cleanup_free_ char *sums = NULL, *index = NULL;
	size_t sums_size = 0, index_size = 0;
	int r = page_sums(&p->roots, channels, p->count, &sums, &sums_size, err);

	if (r == 0)
		r = page_index(&p->roots, channels, p->count, &index, &index_size, err);
	if (r == 0)
		r = put(p, "SHA256SUMS", "", sums, sums_size, err);
	return r < 0 ? r : put(p, "index.html", "", index, index_size, err);
}

/* The signatures of the channel that is there, with those of the one that is to come. */
static int put_both_signatures(const struct publish *p, struct error *err)
{
	const struct shelf_document *document = &p->channels[0]->document;
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct signatures both, there;
	char rendered[SIGNATURES_SIZE_MAX];
	size_t size = 0;

	if (asprintf(&path, "%s/%s.sig", p->to, document->name) < 0) {
		path = NULL;
		return error_oom(err);
	}
	/* Not there, or nothing that a machine could use: there is nothing to keep. */
	if (io_read_file(path, SIGNATURES_SIZE_MAX, &text, &size, NULL) < 0 ||
	    signatures_parse(text, size, &there, NULL) < 0)
		return 0;
	if (signatures_parse(document->signature, document->signature_size, &both, NULL) < 0 ||
	    signatures_join(&both, &there) < 0)
		return error_set(err, -ENOSPC,
				 "the channel there and the new one have more than %d signatures "
				 "together; sign the new one with fewer keys",
				 SIGNATURES_MAX);
	return put(p, document->name, ".sig", rendered, signatures_render(&both, rendered), err);
}

/*
 * The last step, and the one that machines see. A channel and its signatures are two files, which
 * cannot be replaced at one moment: while they are, the signatures are those of both channels.
 */
static int put_channel(const struct publish *p, struct error *err)
{
	const struct shelf_document *document = &p->channels[0]->document;
	int r = put_both_signatures(p, err);

	if (r == 0)
		r = put(p, document->name, "", document->text, document->size, err);
	return r < 0 ? r
		     : put(p, document->name, ".sig", document->signature, document->signature_size,
			   err);
}

static int say_unused(void *context, const char *name, struct error *err)
{
	const struct publish *p = context;

	(void)err;
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < p->channels[i]->channel.count; k++)
			if (strcmp(p->channels[i]->channel.releases[k].file, name) == 0)
				return 0;
	printf("%s: in no channel; remove it when no machine fetches it any more\n", name);
	return 0;
}

static int publish(struct publish *p, const char *channel, struct error *err)
{
	_cleanup_fd_ int lock = -1;
	int r = take_names(p, channel, err);

	if (r == 0)
		r = io_make_dirs(p->to, err);
	if (r < 0)
		return r;
	lock = open(p->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return error_errno(err, "cannot open the folder %s", p->to);
	if (io_lock(lock, LOCK_WAIT_MS) < 0)
		return error_set(err, -EBUSY, "another proa-image publishes to %s; wait for it",
				 p->to);
	r = read_all(p, err);
	if (r == 0)
		r = look_there(p, err);
	/* Here all is known to be right, and the first file is written. */
	if (r == 0)
		r = put_releases(p, err);
	if (r == 0)
		r = put_roots(p, err);
	if (r == 0)
		r = put_pages(p, err);
	if (r == 0)
		r = put_channel(p, err);
	/* What a channel that cannot be read needs is not known. */
	if (r == 0 && !p->left_out)
		r = published_each(p->to, ".bundle", say_unused, p, err);
	if (r == 0)
		printf("%s: serial %llu is published in %s\n", p->name,
		       (unsigned long long)p->channels[0]->channel.serial, p->to);
	return r;
}

int image_publish(int argc, char **argv)
{
	const struct option options[] = {{.name = NULL}};
	const struct option_usage usage = {
		.command = "proa-image publish",
		.operands = "NAME.channel DIR",
		.summary = "Puts a channel, its bundles and the root documents into a folder that "
			   "a web server serves, with a page for people.",
		.notes = "Beside the channel lie the bundles that DIR has not yet, their notes\n"
			 "(proa-V.txt for proa-V.bundle), and all root documents from 1.root on.",
	};
	__attribute__((cleanup(free_publish))) struct publish p = {.count = 0};
	const char *operands[2];
	struct error err = ERROR_INIT;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, operands, 2, &count);

	if (r >= 0)
		return r;
	if (count != 2)
		return command_usage(usage.command, "name a channel and a folder");
	p.to = operands[1];
	return publish(&p, operands[0], &err) < 0 ? image_failed(&err) : EXIT_DONE;
}
