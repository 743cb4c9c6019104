/* proa rollback: the other slot boots next; or, where a flip to it is ordered, it does not. */
#include <errno.h>
#include <stdio.h>

#include "lib/command.h"
#include "upgrader/answer.h"
#include "upgrader/command.h"
#include "upgrader/record.h"

static int cancel(const struct answer_request *q, struct target *target, struct error *err)
{
	char running = flip_letter(target->facts.running);
	char sentence[160];
	int r = target_event(target, RULES_CANCEL, NULL, err);

	if (r < 0)
		return answer_failed(q, r == -EPERM ? EXIT_REFUSED : EXIT_FAILED, err);
	record_slot(target, q->command, UPGRADES_CANCELLED, target_other(target));
	snprintf(sentence, sizeof(sentence),
		 "The flip to slot %c is taken back: slot %c stays the one that boots.",
		 flip_letter(target_other(target)), running);
	return answer_done(q, EXIT_DONE,
			   json_pack("{s:s, s:s, s:i, s:s%}", "event", "result", "result",
				     "cancelled", "exit", EXIT_DONE, "slot", &running, (size_t)1),
			   sentence);
}

/* The running slot was condemned in this boot: the way back is ordered already. */
static int left_already(const struct answer_request *q, const struct target *target)
{
	char other = flip_letter(target_other(target));
	int exit_code = q->reboot ? EXIT_DONE : EXIT_NOTHING_TO_DO;
	char sentence[160];
	json_t *json;

	snprintf(sentence, sizeof(sentence),
		 "Slot %c is condemned, and slot %c boots next already.%s",
		 flip_letter(target->facts.running), other,
		 q->reboot ? "" : " Reboot: sudo proa reboot");
	json = json_pack("{s:s, s:s, s:i, s:s%}", "event", "result", "result", "pending", "exit",
			 exit_code, "slot", &other, (size_t)1);
	return q->reboot ? answer_reboot(q, json, sentence)
			 : answer_done(q, exit_code, json, sentence);
}

/* Both must be whole: where one fails, the other one takes over. */
static int check(const struct answer_request *q, struct target *target, struct slot *other,
		 struct error *err)
{
	enum flip_slot which = target_other(target);
	struct slot running;
	int r;

	if (target->facts.offline) {
		r = target_read_slot(target, target->facts.running, &running, err);
		if (r == 0)
			r = target_check_slot(target, target->facts.running, &running,
					      answer_progress(q), err);
		if (r < 0)
			return error_wrap(err, r, "slot %c", flip_letter(target->facts.running));
		target->facts.running_verifies = true;
	}
	r = target_read_slot(target, which, other, err);
	if (r == 0)
		r = target_check_slot(target, which, other, answer_progress(q), err);
	if (r < 0)
		return error_wrap(err, r, "there is nothing to roll back to: slot %c",
				  flip_letter(which));
	if (!trust_is_in_force(&target->trust, &other->signer))
		fprintf(stderr,
			"proa rollback: warning: Proa %s is signed by %s, a key that was taken "
			"back since (root document %llu)\n",
			other->manifest.version, other->signer.id,
			(unsigned long long)target->trust.root.number);
	if (!target->other_good)
		fprintf(stderr,
			"proa rollback: warning: Proa %s in slot %c has never settled on this "
			"machine; the same command once more takes the flip to it back\n",
			other->manifest.version, flip_letter(which));
	target->facts.other_verifies = true;
	return 0;
}

static int roll_back(const struct answer_request *q, struct target *target, struct error *err)
{
	char letter = flip_letter(target_other(target));
	char sentence[256];
	struct slot other;
	int r = check(q, target, &other, err);

	if (r < 0)
		return answer_failed(q, r == -EIO ? EXIT_FAILED : ANSWER_DAMAGED_SLOT, err);
	r = target_event(target, RULES_ROLL_BACK, NULL, err);
	if (r < 0)
		return answer_failed(q, r == -EPERM ? EXIT_REFUSED : EXIT_FAILED, err);
	record_slot(target, q->command, UPGRADES_ROLLED_BACK, target->facts.running);
	snprintf(sentence, sizeof(sentence), "Slot %c boots next, with Proa %s.%s", letter,
		 other.manifest.version,
		 target->facts.offline || q->reboot
			 ? ""
			 : " Reboot when it suits you: sudo proa reboot");
	return answer_reboot(q,
			     json_pack("{s:s, s:s, s:i, s:s%, s:s}", "event", "result", "result",
				       "rolled back", "exit", EXIT_DONE, "slot", &letter, (size_t)1,
				       "version", other.manifest.version),
			     sentence);
}

int command_rollback(int argc, char **argv)
{
	struct answer_request q = {.command = "proa rollback", .target = answer_here(true)};
	const struct option options[] = {
		{0, "reboot", NULL, OPTION_FLAG, &q.reboot, "reboot at once"},
		ANSWER_OPTIONS(&q),
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa rollback",
		.operands = "[OPTIONS]",
		.summary = "Makes the other slot the one that boots next. Where an upgrade waits "
			   "for its reboot, takes that back instead.",
		.notes = "The other slot is read as a whole first. See proa-rollback(8).",
	};
	_cleanup_target_ struct target target = TARGET_INIT;
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (q.reboot && q.target.disk)
		return command_usage(usage.command, "--reboot is for this machine, --disk for "
						    "another one's disk");
	r = target_open(&q.target, &target, &err);
	if (r < 0)
		return answer_failed(&q, answer_target(r), &err);
	if (target.pending && target.facts.condemned)
		return left_already(&q, &target);
	return target.pending ? cancel(&q, &target, &err) : roll_back(&q, &target, &err);
}
