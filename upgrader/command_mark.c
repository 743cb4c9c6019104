/* proa mark bad: a person condemns a slot. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/command.h"
#include "lib/request.h"
#include "upgrader/answer.h"
#include "upgrader/command.h"
#include "upgrader/record.h"

/* The machine must find another release when it boots next. */
static int check_other(const struct answer_request *q, struct target *target, struct error *err)
{
	struct slot slot;
	int r = target_read_slot(target, target_other(target), &slot, err);

	if (r == 0)
		r = target_check_slot(target, target_other(target), &slot, answer_progress(q), err);
	if (r < 0)
		return error_wrap(err, r, "slot %c is the only one that boots: slot %c",
				  flip_letter(target->facts.running),
				  flip_letter(target_other(target)));
	target->facts.other_verifies = true;
	return 0;
}

static int check_running(const struct answer_request *q, struct target *target, struct error *err)
{
	struct slot slot;
	int r = target_read_slot(target, target->facts.running, &slot, err);

	if (r == 0)
		r = target_check_slot(target, target->facts.running, &slot, answer_progress(q),
				      err);
	if (r == 0)
		target->facts.running_verifies = true;
	return r < 0 ? error_wrap(err, r, "slot %c, which this disk would boot",
				  flip_letter(target->facts.running))
		     : 0;
}

/* PID 1 writes it, so that no verdict of this boot undoes it. */
static int mark_running(const struct answer_request *q, struct target *target, struct error *err)
{
	int r = target->facts.offline
			? target_event(target, RULES_MARK_RUNNING_BAD, NULL, err)
			: request_pid1(q->target.init_socket, "mark bad", NULL, 0, err);

	return r == -EPROTO ? -EPERM : r;
}

static int mark(const struct answer_request *q, struct target *target, enum flip_slot which)
{
	bool running = which == target->facts.running;
	char letter = flip_letter(which);
	struct error err = ERROR_INIT;
	char sentence[160];
	int r = 0;

	if (running)
		r = check_other(q, target, &err);
	else if (target->facts.offline)
		r = check_running(q, target, &err);
	if (r < 0)
		return answer_failed(q, r == -EIO ? EXIT_FAILED : ANSWER_DAMAGED_SLOT, &err);
	r = running ? mark_running(q, target, &err)
		    : target_event(target, RULES_MARK_OTHER_BAD, NULL, &err);
	if (r < 0)
		return answer_failed(q, r == -EPERM ? EXIT_REFUSED : EXIT_FAILED, &err);
	record_slot(target, q->command, UPGRADES_MARKED_BAD, which);
	snprintf(sentence, sizeof(sentence),
		 running ? "Slot %c is marked bad: slot %c boots next."
			 : "Slot %c is marked bad: slot %c stays the one that boots.",
		 letter, flip_letter(flip_other(which)));
	return answer_done(q, EXIT_DONE,
			   json_pack("{s:s, s:s, s:i, s:s%}", "event", "result", "result",
				     "marked bad", "exit", 0, "slot", &letter, (size_t)1),
			   sentence);
}

static int mark_bad(int argc, char **argv)
{
	struct answer_request q = {.command = "proa mark bad", .target = answer_here(true)};
	const struct option options[] = {ANSWER_OPTIONS(&q), {.name = NULL}};
	const struct option_usage usage = {
		.command = "proa mark bad",
		.operands = "[a|b] [OPTIONS]",
		.summary = "Condemns a slot, the running one where none is named: it is not "
			   "booted as long as the other one works.",
		.notes = "See proa-mark(8).",
	};
	_cleanup_target_ struct target target = TARGET_INIT;
	struct error err = ERROR_INIT;
	const char *name = NULL;
	size_t count = 0;
	int r = command_arguments(argc, argv, &usage, options, &name, 1, &count);

	if (r >= 0)
		return r;
	if (name && strcmp(name, "a") != 0 && strcmp(name, "b") != 0)
		return command_usage(usage.command, "a slot is a or b");
	if (!name && q.target.disk)
		return command_usage(usage.command,
				     "with --disk, name the slot: nothing runs there");
	r = target_open(&q.target, &target, &err);
	if (r < 0)
		return answer_failed(&q, answer_target(r), &err);
	return mark(&q, &target,
		    !name            ? target.facts.running
		    : name[0] == 'a' ? FLIP_SLOT_A
				     : FLIP_SLOT_B);
}

int command_mark(int argc, char **argv)
{
	static const struct command commands[] = {
		{"bad", "condemn a slot", mark_bad},
		{NULL, NULL, NULL},
	};
	const struct command_group mark_group = {
		.name = "proa mark",
		.summary = "Says what a person has found out about a slot.",
		.commands = commands,
	};

	return command_group_run(&mark_group, argc, argv);
}
