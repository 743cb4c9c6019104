/* proa list: which releases the channel has. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/command.h"
#include "lib/json.h"
#include "lib/size.h"
#include "lib/version.h"
#include "upgrader/answer.h"
#include "upgrader/command.h"
#include "upgrader/decide.h"
#include "upgrader/source.h"

/* How a release stands to this machine. */
static const char *state_of(const struct channel_release *release, const struct slot *running,
			    const struct slot *other)
{
	const char *version = running->manifest.version;

	if (strcmp(release->version, version) == 0)
		return "runs";
	if (other && strcmp(release->version, other->manifest.version) == 0)
		return "in the other slot";
	if (version_compare(release->version, version) < 0)
		return "older";
	return version_compare(version, release->min_version) < 0 ? "too far" : "newer";
}

static int print_json(const struct channel *channel, const struct slot *running,
		      const struct slot *other)
{
	json_t *releases = json_array();
	_cleanup_json_ json_t *json = json_pack("{s:s, s:I, s:I, s:o}", "channel", channel->name,
						"serial", (json_int_t)channel->serial, "expires",
						(json_int_t)channel->expires, "releases", releases);

	for (size_t i = 0; json && i < channel->count; i++) {
		const struct channel_release *one = &channel->releases[i];

		json_array_append_new(releases,
				      json_pack("{s:s, s:s, s:I, s:I, s:s}", "version",
						one->version, "min_version", one->min_version,
						"epoch", (json_int_t)one->epoch, "size",
						(json_int_t)one->bundle_size, "state",
						state_of(one, running, other)));
	}
	return json && json_dumpf(json, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF
		       ? EXIT_DONE
		       : EXIT_FAILED;
}

static void print_people(const struct channel *channel, const struct slot *running,
			 const struct slot *other)
{
	const struct channel_release *best =
		decide_pick(channel, running->manifest.version, NULL, NULL);
	char size[SIZE_TEXT_SIZE], until[32] = "";
	time_t expires = (time_t)channel->expires;
	struct tm parts;

	if (gmtime_r(&expires, &parts))
		strftime(until, sizeof(until), "%Y-%m-%d", &parts);
	printf("Channel %s, serial %llu, valid until %s:\n", channel->name,
	       (unsigned long long)channel->serial, until);
	for (size_t i = 0; i < channel->count; i++) {
		const struct channel_release *one = &channel->releases[i];
		const char *state = state_of(one, running, other);

		printf("  %-20s %10s  %s", one->version, size_text(one->bundle_size, size), state);
		if (strcmp(state, "too far") == 0)
			printf(" (from %s or later only)", one->min_version);
		printf("%s\n", one == best && strcmp(state, "runs") != 0
				       ? "; upgrade to it: sudo proa upgrade"
				       : "");
	}
}

int command_list(int argc, char **argv)
{
	struct answer_request q = {.command = "proa list", .target = answer_here(false)};
	_cleanup_source_ struct source source = {.notices.command = q.command};
	const struct option options[] = {
		SOURCE_OPTIONS(&source),
		ANSWER_OPTIONS(&q),
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa list",
		.operands = "[OPTIONS]",
		.summary = "Tells which releases the channel has, and how they stand to this "
			   "machine.",
		.notes = "See proa-upgrade(8).",
	};
	_cleanup_target_ struct target target = TARGET_INIT;
	struct error err = ERROR_INIT, warning = ERROR_INIT;
	struct slot running, other;
	bool has_other;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (source_check(&source, &err) < 0)
		return command_usage(q.command, err.message);
	r = target_open(&q.target, &target, &err);
	if (r < 0)
		return answer_failed(&q, answer_target(r), &err);
	r = source_open(&source, &target, &err);
	if (r == 0)
		r = source_read(&source, &target, &running, &warning, &err);
	if (r < 0)
		return answer_failed(&q, answer_channel(r), &err);
	if (warning.code)
		fprintf(stderr, "proa list: warning: %s\n", warning.message);
	has_other = target_read_slot(&target, target_other(&target), &other, NULL) == 0;
	if (q.json)
		return print_json(&source.channel, &running, has_other ? &other : NULL);
	print_people(&source.channel, &running, has_other ? &other : NULL);
	return EXIT_DONE;
}
