#include "init/supervise/watching.h"

#include <glob.h>
#include <stdio.h>

#include "init/boot/modules.h"
#include "init/say.h"
#include "init/supervise/child.h"
#include "init/watchdog.h"
#include "lib/console.h"

/* Behind the verdict: drivers of hardware have had their chance then, and nobody waits for us. */
enum { LAST_CHANCE_MS = 30 * 1000 };

/* Does the machine have a management controller that a driver has found? */
static bool has_ipmi(void)
{
	glob_t found;
	bool any = glob("/dev/ipmi*", GLOB_NOSORT, NULL, &found) == 0;

	globfree(&found);
	return any;
}

/* In the child. IPMI's watchdog is no device that would ask for its driver. */
static int load_driver(void)
{
	_cleanup_modules_ struct modules *modules = NULL;
	struct error err = ERROR_INIT;

	if (modules_open_running(&modules, &err) < 0) {
		printf("%s\n", err.message);
		return 1;
	}
	if (has_ipmi()) {
		if (modules_load(modules, "ipmi_watchdog", &err) == 0)
			return 0;
		printf("%s\n", err.message);
	}
	if (modules_load(modules, "softdog", &err) < 0) {
		printf("%s\n", err.message);
		return 1;
	}
	return 0;
}

static struct child loader = {.name = "watchdog", .run = load_driver};

static void load_where_missing(const struct gate *gate)
{
	static uint64_t judged_ms;
	static bool tried;
	uint64_t now = console_now_ms();

	if (gate->verdict == GATE_WAITING)
		return;
	if (!judged_ms)
		judged_ms = now;
	if (tried || now - judged_ms < LAST_CHANCE_MS || !watchdog_is_missing())
		return;
	tried = true;
	child_start(&loader); /* the next turn opens what it brings */
}

static void tell(const struct facts *facts)
{
	if (facts->watchdog_timeout)
		say("watchdog: %s, %llu s", facts->watchdog,
		    (unsigned long long)facts->watchdog_timeout);
	else
		say("watchdog: %s", facts->watchdog);
}

void watching_turn(struct gate *gate)
{
	static bool known;
	struct error err = ERROR_INIT;

	if (!gate_overdue(gate, console_now_ms()))
		watchdog_feed();
	load_where_missing(gate);
	if (!watchdog_describe(gate->facts))
		return;
	/* That there is none yet is no news. */
	known = known || gate->facts->watchdog_timeout;
	if (known)
		tell(gate->facts);
	if (facts_write(gate->facts, &err) < 0)
		say("error: %s", err.message);
}
