#include "upgrader/decide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/version.h"

const struct channel_release *decide_pick(const struct channel *channel, const char *running,
					  const char *wanted, size_t *too_far)
{
	const struct channel_release *best = NULL;
	size_t far = 0;

	for (size_t i = 0; i < channel->count; i++) {
		const struct channel_release *one = &channel->releases[i];

		if (wanted) {
			if (strcmp(one->version, wanted) == 0)
				best = one;
			continue;
		}
		if (version_compare(one->version, running) < 0)
			continue;
		if (version_compare(running, one->min_version) < 0)
			far++;
		else if (!best || version_compare(one->version, best->version) > 0)
			best = one;
	}
	if (too_far)
		*too_far = far;
	return best;
}

/* The same release, byte for byte; a version alone proves nothing. */
static bool is_same(const struct manifest *one, const struct manifest *other)
{
	return strcmp(one->version, other->version) == 0 &&
	       memcmp(one->root_hash, other->root_hash, HASH_SIZE) == 0;
}

static int check_order(const struct manifest *release, const struct decide_facts *facts,
		       struct error *err)
{
	int order = version_compare(release->version, facts->running->version);

	if (order > 0 || facts->older_too)
		return 0;
	return error_set(err, -ERANGE,
			 order < 0 ? "%s is older than %s, which runs; to go back, give "
				     "--allow-downgrade"
				   : "%s has the version of %s, which runs, but other content; to "
				     "install it all the same, give --allow-downgrade",
			 release->version, facts->running->version);
}

const struct upgrades_event *decide_unwanted(const struct upgrades *record,
					     const struct manifest *release, const char *running)
{
	const struct upgrades_event *against = NULL;
	char hash[HASH_HEX_SIZE];

	if (version_compare(running, release->version) > 0)
		return NULL;
	hex_encode(release->root_hash, HASH_SIZE, hash);
	for (size_t i = 0; i < record->count; i++) {
		const struct upgrades_event *event = &record->events[i];

		if (strcmp(event->root_hash, hash) == 0 && upgrades_is_against(event->kind))
			against = event;
		else if (event->kind == UPGRADES_PASSED &&
			 version_compare(event->version, release->version) > 0)
			against = NULL;
	}
	return against;
}

const char *decide_reason(const struct upgrades_event *against)
{
	static const char *const reasons[UPGRADES_KINDS] = {
		[UPGRADES_CANCELLED] = "a person took the flip to it back",
		[UPGRADES_FELL_BACK] = "this machine fell back from it",
		[UPGRADES_ROLLED_BACK] = "a person rolled back from it",
		[UPGRADES_MARKED_BAD] = "a person marked it bad",
	};

	return reasons[against->kind];
}

static int check_wanted(const struct manifest *release, const struct decide_facts *facts,
			struct error *err)
{
	const struct upgrades_event *against;

	if (!facts->record)
		return 0;
	against = decide_unwanted(facts->record, release, facts->running->version);
	if (!against)
		return 0;
	return error_set(err, -ECANCELED,
			 "%s is not tried unattended: %s, and no newer release has run since; a "
			 "person may: sudo proa upgrade %s",
			 release->version, decide_reason(against), release->version);
}

/*
 * The flip block does not tell a release that was staged from one that was tried in vain: where
 * the record of it is lost, with the state partition for one, none is tried again and again.
 */
static int check_staged(const struct manifest *release, const struct decide_facts *facts,
			struct error *err)
{
	const struct upgrades_event *last;
	char hash[HASH_HEX_SIZE];

	if (!facts->record)
		return 0;
	hex_encode(release->root_hash, HASH_SIZE, hash);
	last = upgrades_find(facts->record, hash);
	if (last && (last->kind == UPGRADES_STAGED || last->kind == UPGRADES_STARTED ||
		     last->kind == UPGRADES_FAILED))
		return 0;
	/* Cut off right before its flip; a boot since may have been one of the other slot. */
	if (last && last->kind == UPGRADES_UPGRADED && facts->boot && last->boot == facts->boot)
		return 0;
	return error_set(err, -ECANCELED,
			 "%s is in the other slot, and it is not known that it was never tried; a "
			 "person may: sudo proa upgrade %s",
			 release->version, release->version);
}

int decide_release(const struct manifest *release, const struct decide_facts *facts,
		   enum decide_answer *out, struct error *err)
{
	int r;

	if (release->epoch < facts->least_epoch)
		return error_set(err, -ESTALE,
				 "%s is of epoch %llu, and this machine has run epoch %llu: no "
				 "option allows to go back that far",
				 release->version, (unsigned long long)release->epoch,
				 (unsigned long long)facts->least_epoch);
	if (facts->pending && facts->other && is_same(release, facts->other)) {
		*out = DECIDE_PENDING;
		return 0;
	}
	if (is_same(release, facts->running) && !facts->older_too) {
		*out = DECIDE_RUNS;
		return 0;
	}
	r = check_order(release, facts, err);
	if (r == 0)
		r = check_wanted(release, facts, err);
	if (r < 0)
		return r;
	if (facts->other && is_same(release, facts->other)) {
		*out = DECIDE_WRITTEN;
		return check_staged(release, facts, err);
	}
	if (version_compare(facts->running->version, release->min_version) < 0)
		return error_set(err, -ENOTSUP,
				 "%s can be reached only from %s or later, and %s runs; upgrade to "
				 "a release in between first",
				 release->version, release->min_version, facts->running->version);
	if (release->image_size > facts->room_bytes)
		return error_set(err, -ENOSPC,
				 "the image of %s has %llu bytes, and a slot of this disk takes "
				 "%llu; install anew with larger slots (--slot-size)",
				 release->version, (unsigned long long)release->image_size,
				 (unsigned long long)facts->room_bytes);
	*out = DECIDE_WRITE;
	return 0;
}
