#include "init/supervise/other_slot.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "init/say.h"
#include "init/supervise/child.h"
#include "init/supervise/loop.h"
#include "lib/cleanup.h"
#include "lib/format/roots.h"
#include "lib/format/slot.h"

enum { VERIFY_MS = 10 * 60 * 1000 }; /* 1 GiB from a slow USB stick takes a minute */

static const struct facts *the_facts;
static void (*the_done)(void *context, bool verifies);
static void *the_context;

/* By every key that ever counted: what the other slot was signed by need not count any more. */
static int verify(struct error *err)
{
	static struct roots roots;
	static struct slot slot;
	char other = the_facts->slot == 'a' ? 'b' : 'a';
	const char *device = other == 'a' ? the_facts->slot_a : the_facts->slot_b;
	uint64_t size = 0;
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		return error_errno(err, "cannot open slot %c (%s)", other, device);
	r = roots_load(ROOTS_IMAGE, ROOTS_SEEN, &roots, err);
	if (r == 0)
		r = slot_verify_descriptor(fd, 0, size, &roots.former, &slot, err);
	if (r == 0)
		r = slot_verify_tree(fd, 0, &slot, VERITY_PAST_CACHE, NULL, NULL, err);
	return r;
}

static int in_child(void)
{
	struct error err = ERROR_INIT;

	if (verify(&err) == 0)
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
