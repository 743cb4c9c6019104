/* proa upgrade: a new release into the other slot, and the flip to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/ask.h"
#include "lib/cleanup.h"
#include "lib/command.h"
#include "lib/json.h"
#include "lib/runtime.h"
#include "lib/size.h"
#include "upgrader/answer.h"
#include "upgrader/checkup.h"
#include "upgrader/command.h"
#include "upgrader/open.h"
#include "upgrader/record.h"
#include "upgrader/source.h"
#include "upgrader/upgrade.h"

struct request {
	struct answer_request answer;
	const char *version, *bundle;
	struct source source;
	bool check, stage, no_reboot, older_too, yes, unattended;
};

static void free_request(struct request *q)
{
	source_free(&q->source);
}

static void free_upgrade(struct upgrade **upgrade)
{
	if (*upgrade)
		upgrade_end(*upgrade);
	free(*upgrade);
}

static const char *const results[] = {
	[DECIDE_WRITE] = "available",
	[DECIDE_WRITTEN] = "staged",
	[DECIDE_PENDING] = "pending",
	[DECIDE_RUNS] = "runs",
};

static json_t *result(const struct upgrade *upgrade, const char *word, int exit_code)
{
	char letter = flip_letter(target_other(upgrade->target));

	return json_pack("{s:s, s:s, s:i, s:s%, s:s, s:s, s:I, s:I}", "event", "result", "result",
			 word, "exit", exit_code, "slot", &letter, (size_t)1, "from",
			 upgrade->running.manifest.version, "version",
			 bundle_head(upgrade->bundle)->manifest.version, "bytes_fetched",
			 (json_int_t)upgrade->fetched, "bytes_reused", (json_int_t)upgrade->reused);
}

/* Nothing is to be written, and why. */
static int nothing(const struct request *q, const struct upgrade *upgrade)
{
	const char *version = bundle_head(upgrade->bundle)->manifest.version;
	enum flip_slot other = target_other(upgrade->target);
	char sentence[256];

	if (upgrade->answer == DECIDE_WRITTEN)
		snprintf(sentence, sizeof(sentence),
			 "Slot %c holds Proa %s already. It boots when you say so: the same "
			 "command without --stage.",
			 flip_letter(other), version);
	else if (upgrade->target->pending)
		snprintf(sentence, sizeof(sentence),
			 "Proa %s runs already, but slot %c boots next; to take that back: sudo "
			 "proa rollback",
			 version, flip_letter(other));
	else
		snprintf(sentence, sizeof(sentence), "Proa %s %s already.", version,
			 upgrade->target->facts.offline ? "is there" : "runs");
	return answer_done(&q->answer, EXIT_NOTHING_TO_DO,
			   result(upgrade, results[upgrade->answer], EXIT_NOTHING_TO_DO), sentence);
}

/* All that is missing is a reboot. */
static int pending(const struct request *q, const struct upgrade *upgrade)
{
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "Slot %c holds Proa %s already, and boots next%s",
		 flip_letter(target_other(upgrade->target)),
		 bundle_head(upgrade->bundle)->manifest.version,
		 q->answer.reboot ? "." : ": sudo proa reboot");
	if (q->answer.reboot)
		return answer_reboot(&q->answer, result(upgrade, "pending", EXIT_DONE), sentence);
	return answer_done(&q->answer, EXIT_NOTHING_TO_DO,
			   result(upgrade, "pending", EXIT_NOTHING_TO_DO), sentence);
}

static void show(const struct upgrade *upgrade)
{
	const struct manifest *release = &bundle_head(upgrade->bundle)->manifest;
	const struct manifest *running = &upgrade->running.manifest;
	char size[SIZE_TEXT_SIZE];
	char other = flip_letter(target_other(upgrade->target));

	fprintf(stderr, "Slot %c %s Proa %s (Linux %s, Docker %s), and stays as it is.\n",
		flip_letter(upgrade->target->facts.running),
		upgrade->target->facts.offline ? "holds" : "runs", running->version,
		running->kernel, running->docker);
	if (upgrade->other_is_slot)
		fprintf(stderr, "Slot %c holds Proa %s.\n", other, upgrade->other.manifest.version);
	if (upgrade->answer == DECIDE_WRITE)
		fprintf(stderr,
			"Slot %c gets Proa %s (Linux %s, Docker %s, image %s), signed by %s.\n",
			other, release->version, release->kernel, release->docker,
			size_text(release->image_size, size),
			bundle_head(upgrade->bundle)->signer.id);
	if (upgrade->warning)
		fprintf(stderr, "proa upgrade: warning: %s\n", upgrade->warning);
}

/* Returns 0 or an exit code. */
static int agree(const struct request *q, struct error *err)
{
	int answer = q->yes || q->unattended ? 1 : ask_terminal("Upgrade? Type yes: ", "yes");

	if (answer > 0)
		return 0;
	error_set(err, -EPERM,
		  answer == -ENOTTY ? "there is no terminal to ask at; give --yes"
				    : "not confirmed; nothing was written");
	return EXIT_REFUSED;
}

static int note(const struct request *q, const struct upgrade *upgrade, enum upgrades_kind kind,
		const char *why)
{
	struct upgrades_event event =
		record_event(upgrade->target, kind, target_other(upgrade->target),
			     &bundle_head(upgrade->bundle)->manifest);

	snprintf(event.from, sizeof(event.from), "%s", upgrade->running.manifest.version);
	snprintf(event.text, sizeof(event.text), "%s", why);
	event.fetched = upgrade->fetched;
	event.reused = upgrade->reused;
	return record_write(upgrade->target, q->answer.command, &event);
}

static int done(const struct request *q, const struct upgrade *upgrade)
{
	const char *version = bundle_head(upgrade->bundle)->manifest.version;
	char letter = flip_letter(target_other(upgrade->target));
	char sentence[256];

	if (q->stage)
		snprintf(sentence, sizeof(sentence),
			 "Slot %c holds Proa %s. It boots when you say so: the same command "
			 "without --stage.",
			 letter, version);
	else
		snprintf(sentence, sizeof(sentence), "Slot %c boots next, with Proa %s.%s", letter,
			 version,
			 q->answer.reboot || upgrade->target->facts.offline
				 ? ""
				 : " Reboot when it suits you: sudo proa reboot");
	return answer_reboot(
		&q->answer, result(upgrade, q->stage ? "staged" : "upgraded", EXIT_DONE), sentence);
}

/* Into the other slot. Returns 0 or an exit code. */
static int write_slot(const struct request *q, struct upgrade *upgrade, struct error *err)
{
	int r = upgrade_begin(upgrade, err);

	if (r < 0)
		return answer_begin(r);
	(void)note(q, upgrade, UPGRADES_STARTED, "");
	r = upgrade_write(upgrade, err);
	if (r < 0)
		(void)note(q, upgrade, UPGRADES_FAILED, err->message);
	if (r < 0)
		error_wrap(err, r,
			   "slot %c is not whole now, and slot %c boots as before; run this again",
			   flip_letter(target_other(upgrade->target)),
			   flip_letter(upgrade->target->facts.running));
	return r < 0 ? answer_bundle(r) : 0;
}

/*
 * It is noted down first: a release that falls back is not to be tried again and again by a
 * program that cannot remember it.
 */
static int flip(const struct request *q, struct upgrade *upgrade, struct error *err)
{
	int r;

	checkup_take(upgrade->target, q->answer.command, &bundle_head(upgrade->bundle)->manifest);
	r = upgrade_check(upgrade, err);
	if (r == 0 && note(q, upgrade, UPGRADES_UPGRADED, "") < 0 && q->unattended)
		r = error_set(err, -EROFS,
			      "unattended, nothing is flipped to that cannot be remembered; make "
			      "room on the state partition (/var)");
	if (r == 0)
		r = upgrade_flip(upgrade, err);
	if (r < 0)
		(void)note(q, upgrade, UPGRADES_FAILED, err->message);
	return r;
}

/* A program is refused it; a person may have forgotten. */
static void warn_unwanted(const struct upgrade *upgrade)
{
	const struct manifest *release = &bundle_head(upgrade->bundle)->manifest;
	const struct upgrades_event *against;
	static struct upgrades record; /* large */

	if (upgrade->target->facts.offline || upgrades_read(RUNTIME_UPGRADES, &record, NULL) < 0)
		return;
	against = decide_unwanted(&record, release, upgrade->running.manifest.version);
	if (against)
		fprintf(stderr, "proa upgrade: warning: Proa %s: %s\n", release->version,
			decide_reason(against));
}

static int run(const struct request *q, struct upgrade *upgrade, struct error *err)
{
	int r = upgrade_plan(upgrade, err);

	if (r < 0)
		return answer_plan(r);
	if (upgrade->answer == DECIDE_PENDING) {
		/* It may have waited for long: what fails now counts. */
		if (!q->check)
			checkup_take(upgrade->target, q->answer.command,
				     &bundle_head(upgrade->bundle)->manifest);
		return pending(q, upgrade);
	}
	if (upgrade->answer == DECIDE_WRITTEN && q->stage) {
		r = upgrade_check(upgrade, err);
		return r < 0 ? answer_flip(r) : nothing(q, upgrade);
	}
	if (upgrade->answer == DECIDE_RUNS)
		return nothing(q, upgrade);
	show(upgrade);
	warn_unwanted(upgrade);
	if (q->check)
		return answer_done(&q->answer, EXIT_DONE,
				   result(upgrade, results[upgrade->answer], EXIT_DONE),
				   "Nothing was written: --check.");
	r = agree(q, err);
	if (r == 0 && upgrade->answer == DECIDE_WRITE)
		r = write_slot(q, upgrade, err);
	if (r > 0)
		return r;
	if (q->stage)
		(void)note(q, upgrade, UPGRADES_STAGED, "");
	else
		r = flip(q, upgrade, err);
	return r < 0 ? answer_flip(r) : done(q, upgrade);
}

static int check_request(struct request *q)
{
	const char *command = q->answer.command;
	struct error err = ERROR_INIT;

	if (source_check(&q->source, &err) < 0)
		return command_usage(command, err.message);
	if (q->bundle && (q->version || q->source.channels.count))
		return command_usage(command, "a bundle needs neither a version nor a channel");
	if (q->answer.reboot && q->no_reboot)
		return command_usage(command, "--reboot and --no-reboot contradict each other");
	if (q->answer.reboot && (q->answer.target.disk || q->stage || q->check))
		return command_usage(command, "--reboot goes with none of --disk, --stage and "
					      "--check");
	if (q->unattended && (q->older_too || q->answer.target.disk))
		return command_usage(command,
				     "--unattended goes with neither --allow-downgrade nor "
				     "--disk: these are a person's");
	if (q->check && q->stage)
		return command_usage(command, "--check writes nothing, --stage does; give one");
	if (q->bundle && strcmp(q->bundle, "-") == 0 && isatty(STDIN_FILENO))
		return command_usage(command, "--bundle - reads from standard input, and that is "
					      "your terminal");
	return 0;
}

static int parse(int argc, char **argv, struct request *q)
{
	const struct option options[] = {
		{'b', "bundle", "BUNDLE", OPTION_STRING, &q->bundle,
		 "the release: an http(s):// address or a file; - reads standard input"},
		SOURCE_OPTIONS(&q->source),
		{0, "check", NULL, OPTION_FLAG, &q->check,
		 "tell what would be done, write nothing"},
		{0, "stage", NULL, OPTION_FLAG, &q->stage, "write the slot, but do not flip to it"},
		{0, "reboot", NULL, OPTION_FLAG, &q->answer.reboot, "reboot when it is done"},
		{0, "no-reboot", NULL, OPTION_FLAG, &q->no_reboot, "do not (the default)"},
		{0, "allow-downgrade", NULL, OPTION_FLAG, &q->older_too,
		 "also a release that is not newer than the running one"},
		{'y', "yes", NULL, OPTION_FLAG, &q->yes, "do not ask"},
		{0, "unattended", NULL, OPTION_FLAG, &q->unattended,
		 "for programs: ask nothing, wait until the running slot has settled, and leave "
		 "releases alone that failed here"},
		ANSWER_OPTIONS(&q->answer),
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = q->answer.command,
		.operands = "[VERSION | --bundle BUNDLE] [OPTIONS]",
		.summary = "Writes a release into the slot that does not run, and makes it the one "
			   "that boots next: the newest of the channel, or VERSION of it, or a "
			   "bundle.",
		.notes = "Until its last write, one sector, the machine boots as before. See "
			 "proa-upgrade(8).",
	};
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &q->version, 1, &count);

	return r >= 0 ? r : check_request(q) ? EXIT_USAGE : -1;
}

/* Nothing is newer, and why that is so. */
static int nothing_newer(const struct request *q, const struct slot *running, size_t too_far)
{
	const char *version = running->manifest.version;
	char sentence[256];

	if (too_far > 0)
		snprintf(sentence, sizeof(sentence),
			 "Proa %s runs. The channel has newer releases, but none that can be "
			 "reached from it in one step: proa list",
			 version);
	else
		snprintf(sentence, sizeof(sentence),
			 "Proa %s runs, and the channel has nothing newer.", version);
	return answer_done(&q->answer, EXIT_NOTHING_TO_DO,
			   json_pack("{s:s, s:s, s:i, s:s}", "event", "result", "result",
				     "nothing newer", "exit", EXIT_NOTHING_TO_DO, "from", version),
			   sentence);
}

/* Looks in the channel for what to fetch. Returns -1 to go on, or an exit code. */
static int choose(struct request *q, struct target *target, struct open_request *open,
		  struct error *warning, struct error *err)
{
	struct slot running;
	size_t too_far;
	int r = source_read(&q->source, target, &running, warning, err);

	if (r < 0)
		return answer_channel(r);
	open->release =
		decide_pick(&q->source.channel, running.manifest.version, q->version, &too_far);
	if (!open->release && q->version) {
		error_set(err, -ENOENT,
			  "the channel has no release %s; \"proa list\" tells what it "
			  "has, and a bundle is given with -b",
			  q->version);
		return ANSWER_NO_RELEASE;
	}
	if (!open->release || (!q->version && !q->older_too &&
			       strcmp(open->release->version, running.manifest.version) == 0))
		return nothing_newer(q, &running, too_far);
	return -1;
}

/* From the opened target on. Returns an exit code. */
static int upgrade_target(struct request *q, struct target *target, struct error *err)
{
	struct open_request open = {.bundle = q->bundle};
	_cleanup_opened_ struct opened opened = OPENED_INIT;
	__attribute__((cleanup(free_upgrade))) struct upgrade *upgrade =
		calloc(1, sizeof(*upgrade));
	struct error warning = ERROR_INIT;
	struct upgrades record;
	int r = upgrade ? source_open(&q->source, target, err) : error_oom(err);

	if (r == 0 && q->bundle)
		r = source_follow(&q->source, target, q->bundle, &warning, err);
	if (r < 0)
		return answer_channel(r);
	if (q->unattended && upgrades_read(RUNTIME_UPGRADES, &record, err) < 0)
		return EXIT_FAILED;
	r = q->bundle ? -1 : choose(q, target, &open, &warning, err);
	if (warning.code)
		fprintf(stderr, "proa upgrade: warning: %s\n", warning.message);
	if (r >= 0)
		return r;
	r = open_release(&open, &q->source, &target->trust.ring, &opened, err);
	if (r < 0)
		return answer_bundle(r);
	*upgrade = (struct upgrade){
		.target = target,
		.bundle = opened.bundle,
		.fetch = opened.url_count ? &q->source.fetch : NULL,
		.fetched = opened.fetched,
		.older_too = q->older_too,
		.record = q->unattended ? &record : NULL,
		.progress = answer_progress(&q->answer),
	};
	return run(q, upgrade, err);
}

int command_upgrade(int argc, char **argv)
{
	__attribute__((cleanup(free_request))) struct request q = {
		.answer = {.command = "proa upgrade"}};
	_cleanup_target_ struct target target = TARGET_INIT;
	struct error err = ERROR_INIT;
	int r;

	q.answer.target = answer_here(true);
	r = parse(argc, argv, &q);
	if (r >= 0)
		return r;
	q.source.notices = (struct notices){q.answer.command, q.answer.json};
	q.answer.target.writes = !q.check;
	r = target_open(&q.answer.target, &target, &err);
	if (r < 0)
		return answer_failed(&q.answer, answer_target(r), &err);
	target.facts.person = !q.unattended;
	r = upgrade_target(&q, &target, &err);
	/* Whatever else went well: what answer_done says needs no second word. */
	if (r == EXIT_DONE || r == EXIT_NOTHING_TO_DO || r == EXIT_NEEDS_REBOOT || !err.code)
		return r;
	return answer_failed(&q.answer, r, &err);
}
