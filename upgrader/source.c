#include "upgrader/source.h"

#include <errno.h>
#include <time.h>

void source_free(struct source *source)
{
	settings_free(&source->settings);
}

int source_open(struct source *source, const struct target *target, struct error *err)
{
	int r;

	if (target->facts.offline)
		return 0;
	r = settings_load(&source->settings, &source->fetch, err);
	if (r == 0 && !source->channel_url)
		source->channel_url = source->settings.channel;
	return r;
}

int source_read(struct source *source, const struct target *target, const struct slot *running,
		struct error *warning, struct error *err)
{
	struct releases_request request = {
		.fetch = source->fetch,
		.ring = &target->trust.ring,
		.seen = target->facts.offline ? NULL : RELEASES_SEEN,
		.now = (uint64_t)time(NULL),
		.built = running->manifest.build_time,
		.root_number = target->trust.root_number,
	};
	int r;

	request.fetch.url = source->channel_url;
	if (!source->channel_url)
		return error_set(err, -ENODATA,
				 "no channel is known: sudo proa config set proa.upgrade.url "
				 "https://…/stable.channel, or give --channel or --bundle");
	r = releases_fetch(&request, &source->channel, err);
	if (r == 0 && request.seen)
		(void)releases_remember(&request, &source->channel, warning);
	return r;
}
