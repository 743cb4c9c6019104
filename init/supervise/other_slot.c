#include "init/supervise/other_slot.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "init/say.h"
#include "init/supervise/child.h"
#include "init/supervise/loop.h"
#include "lib/format/roots.h"

enum {
	VERIFY_MS = 10 * 60 * 1000, /* 1 GiB from a slow USB stick takes a minute */
	TRIES_MAX = 3,
	AGAIN_MS = 2000,
	DOES_NOT_VERIFY = 1, /* exit codes of the one that looks */
	COULD_NOT_LOOK = 2,
};

static const struct facts *the_facts;
static void (*the_done)(void *context, bool verifies);
static void *the_context;
static unsigned int tries;

static int in_child(void)
{
	const char *device = the_facts->slot == 'a' ? the_facts->slot_b : the_facts->slot_a;
	struct error err = ERROR_INIT;
	int r = roots_verify_slot(device, ROOTS_IMAGE, ROOTS_SEEN, &err);

	if (r == 0)
		return 0;
	say("error: the other slot does not verify: %s", err.message);
	return r == -ENOMEM ? COULD_NOT_LOOK : DOES_NOT_VERIFY;
}

static void tell(bool verifies)
{
	void (*done)(void *context, bool verifies) = the_done;

	the_done = NULL; /* once */
	if (done)
		done(the_context, verifies);
}

static void look(void *context);

/* One that was killed, or never began, has seen nothing: GRUB, which counts, finds out. */
static void ended(struct child *child, int status)
{
	(void)child;
	if (!the_done)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= DOES_NOT_VERIFY) {
		tell(WEXITSTATUS(status) == 0);
	} else if (++tries < TRIES_MAX) {
		(void)loop_after(AGAIN_MS, look, NULL);
	} else {
		say("error: the other slot could not be looked at");
		tell(true);
	}
}

/* What makes a release fail may be that there is no memory: this one is needed to leave it. */
static struct child reader = {
	.name = "verify",
	.run = in_child,
	.ended = ended,
	.oom_score_adj = -900,
};

static void look(void *context)
{
	(void)context;
	if (the_done)
		child_start(&reader);
}

/* A disk that answers no more must not hold up the verdict. */
static void too_long(void *context)
{
	(void)context;
	if (!the_done)
		return;
	say("error: the other slot could not be read within %d minutes", VERIFY_MS / 60000);
	child_signal(&reader, SIGKILL);
	tell(false);
}

void other_slot_verify(const struct facts *facts, void (*done)(void *context, bool verifies),
		       void *context)
{
	the_facts = facts;
	the_done = done;
	the_context = context;
	tries = 0;
	look(NULL);
	(void)loop_after(VERIFY_MS, too_long, NULL);
}
