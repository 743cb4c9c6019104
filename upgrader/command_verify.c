/* proa verify: reads whole slots. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/command.h"
#include "lib/json.h"
#include "upgrader/answer.h"
#include "upgrader/command.h"

static const char *state_of(int result)
{
	switch (result) {
	case 0:
		return "whole";
	case -ENODATA:
		return "empty";
	case -EBADMSG:
		return "damaged";
	case -ENOKEY:
	case -EKEYREJECTED:
		return "untrusted";
	case -ENOEXEC:
		return "foreign";
	default:
		return "unreadable";
	}
}

/* Returns 0 where the slot is whole, or why it is not. */
static int verify(const struct answer_request *q, const struct target *target, enum flip_slot which,
		  json_t *slots)
{
	const char letter[2] = {flip_letter(which)};
	bool runs = which == target->facts.running;
	struct error err = ERROR_INIT;
	struct slot slot;
	json_t *json;
	int r = target_read_slot(target, which, &slot, &err);

	if (r == 0)
		r = target_check_slot(target, which, &slot, (struct progress_to){.out = stderr},
				      &err);
	json = json_pack("{s:s, s:b}", "state", state_of(r), "running",
			 runs && !target->facts.offline);
	if (r == 0) {
		json_object_set_new(json, "version", json_string(slot.manifest.version));
		json_object_set_new(json, "signed_by", json_string(slot.signer.id));
		json_object_set_new(json, "key_in_force",
				    json_boolean(trust_is_in_force(&target->trust, &slot.signer)));
	} else if (r != -ENODATA) {
		json_object_set_new(json, "detail", json_text(err.message));
	}
	json_object_set_new(slots, letter, json);
	if (q->json)
		return r;
	printf("Slot %s%s: ", letter,
	       !runs                   ? ""
	       : target->facts.offline ? " (boots next)"
				       : " (runs)");
	if (r == 0)
		printf("Proa %s, signed by %s%s, every byte as signed\n", slot.manifest.version,
		       slot.signer.id,
		       trust_is_in_force(&target->trust, &slot.signer)
			       ? ""
			       : " (a key that signs nothing new any more)");
	else if (r == -ENODATA)
		printf("empty\n");
	else
		printf("%s: %s\n", state_of(r), err.message);
	return r;
}

int command_verify(int argc, char **argv)
{
	struct answer_request q = {.command = "proa verify", .target = answer_here(false)};
	const struct option options[] = {ANSWER_OPTIONS(&q), {.name = NULL}};
	const struct option_usage usage = {
		.command = "proa verify",
		.operands = "[a|b] [OPTIONS]",
		.summary = "Reads a slot, or both, and checks every byte against the release's "
			   "signature.",
		.notes = "Exit status: 0 whole (the other slot may be empty), 25 not; see "
			 "proa-verify(8).",
	};
	_cleanup_json_ json_t *slots = json_object();
	_cleanup_target_ struct target target = TARGET_INIT;
	struct error err = ERROR_INIT;
	const char *name = NULL;
	size_t count = 0;
	int bad = 0;
	int r = command_arguments(argc, argv, &usage, options, &name, 1, &count);

	if (r >= 0)
		return r;
	if (name && strcmp(name, "a") != 0 && strcmp(name, "b") != 0)
		return command_usage(usage.command, "a slot is a or b");
	r = target_open(&q.target, &target, &err);
	if (r < 0)
		return answer_failed(&q, answer_target(r), &err);
	for (int i = 0; i < 2; i++) {
		bool other = (enum flip_slot)i != target.facts.running;

		if (name && name[0] != flip_letter((enum flip_slot)i))
			continue;
		r = verify(&q, &target, (enum flip_slot)i, slots);
		/* Nothing was ever written there, and nobody said that there should be. */
		if (r < 0 && !(r == -ENODATA && other && !name))
			bad++;
	}
	if (q.json && (json_dumpf(slots, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF))
		return EXIT_FAILED;
	return bad ? ANSWER_DAMAGED_SLOT : EXIT_DONE;
}
