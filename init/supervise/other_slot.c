#include "init/supervise/other_slot.h"

#include <signal.h>
#include <sys/wait.h>

#include "init/say.h"
#include "init/supervise/child.h"
#include "init/supervise/loop.h"
#include "lib/format/roots.h"

enum { VERIFY_MS = 10 * 60 * 1000 }; /* 1 GiB from a slow USB stick takes a minute */

static const struct facts *the_facts;
static void (*the_done)(void *context, bool verifies);
static void *the_context;

static int in_child(void)
{
	const char *device = the_facts->slot == 'a' ? the_facts->slot_b : the_facts->slot_a;
	struct error err = ERROR_INIT;

	if (roots_verify_slot(device, ROOTS_IMAGE, ROOTS_SEEN, &err) == 0)
		return 0;
	say("error: the other slot does not verify: %s", err.message);
	return 1;
}

static void tell(bool verifies)
{
	void (*done)(void *context, bool verifies) = the_done;

	the_done = NULL; /* once */
	if (done)
		done(the_context, verifies);
}

static void ended(struct child *child, int status)
{
	(void)child;
	tell(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct child reader = {.name = "verify", .run = in_child, .ended = ended};

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
	child_start(&reader);
	(void)loop_after(VERIFY_MS, too_long, NULL);
}
