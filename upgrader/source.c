#include "upgrader/source.h"

#include <errno.h>
#include <time.h>

#include "lib/size.h"
#include "upgrader/follow.h"

void source_free(struct source *source)
{
	settings_free(&source->settings);
}

static int read_rate(const char *option, const char *text, uint64_t *out, struct error *err)
{
	if (!text || (size_parse(text, out) == 0 && *out > 0))
		return 0;
	return error_set(err, -EINVAL, "%s needs bytes a second, as 500K or 2M", option);
}

int source_check(struct source *source, struct error *err)
{
	int r = read_rate("--least-rate", source->least_rate, &source->fetch.least_rate, err);

	if (r == 0)
		r = read_rate("--rate-limit", source->rate_limit, &source->fetch.rate_limit, err);
	return r;
}

int source_open(struct source *source, const struct target *target, struct error *err)
{
	int r;

	source->fetch.notice = notices_print;
	source->fetch.notice_context = &source->notices;
	if (target->facts.offline)
		return 0;
	r = settings_load(&source->settings, &source->fetch, err);
	if (r == 0 && source->channels.count == 0)
		source->channels = source->settings.channels;
	return r;
}

/* What this machine learns is kept; of keys that a person named, and of another disk, nothing. */
static const char *memory(const struct target *target, const char *path)
{
	return target->trust.of_machine && !target->facts.offline ? path : NULL;
}

static uint64_t root_seen(const struct target *target)
{
	uint64_t slots = target_root_seen(target);
	uint64_t state = target->facts.offline ? 0 : releases_root_seen(RELEASES_SEEN);

	return slots > state ? slots : state;
}

/* The channel at request->fetch.url, with all that may be wrong with it. */
static int read_channel(struct releases_request *request, struct target *target,
			struct channel *out, struct slot *running, struct error *warning,
			struct error *err)
{
	int r = releases_fetch(request, out, warning, err);

	if (r == 0)
		r = follow_check(&target->trust, root_seen(target), err);
	if (r < 0)
		return r;
	/* Not before: a key that signed it may be in a root document that has just come. */
	r = target_read_slot(target, target->facts.running, running, err);
	if (r < 0)
		return error_wrap(err, r == -ENOMEM ? r : -EUCLEAN, "slot %c",
				  flip_letter(target->facts.running));
	request->built = running->manifest.build_time;
	return releases_check(request, out, err);
}

void source_next(const struct source *source, const char *url, const char *mirror,
		 struct error *err)
{
	const struct fetch_notice notice = {.url = url, .reason = err->message, .mirror = mirror};

	notices_print(source->fetch.notice_context, &notice);
	*err = (struct error)ERROR_INIT;
}

int source_read(struct source *source, struct target *target, struct slot *running,
		struct error *warning, struct error *err)
{
	struct releases_request request = {
		.fetch = source->fetch,
		.trust = &target->trust,
		.keep = memory(target, ROOTS_SEEN),
		.seen = target->facts.offline ? NULL : RELEASES_SEEN,
		.now = (uint64_t)time(NULL),
	};
	int r = -ENODATA;

	if (source->channels.count == 0)
		return error_set(err, -ENODATA,
				 "no channel is known: sudo proa config set proa.upgrade.url "
				 "https://…/stable.channel, or give --channel or --bundle");
	for (source->place = 0; source->place < source->channels.count; source->place++) {
		request.fetch.url = source->channels.items[source->place];
		r = read_channel(&request, target, &source->channel, running, warning, err);
		if (r == 0 || r == -ENOMEM || r == -EUCLEAN ||
		    source->place + 1 == source->channels.count)
			break;
		source_next(source, request.fetch.url, source->channels.items[source->place + 1],
			    err);
	}
	if (r == 0 && memory(target, RELEASES_SEEN))
		(void)releases_remember(&request, &source->channel, warning);
	return r;
}

int source_follow(const struct source *source, struct target *target, const char *bundle,
		  struct error *warning, struct error *err)
{
	struct fetch_options fetch = source->fetch;
	int r = 0;

	fetch.url = bundle;
	if (fetch_is_url(bundle))
		r = follow_roots(&fetch, &target->trust, memory(target, ROOTS_SEEN), warning, err);
	return r < 0 ? r : follow_check(&target->trust, root_seen(target), err);
}
