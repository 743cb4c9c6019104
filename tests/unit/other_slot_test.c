/* PID 1 has the other slot read before it gives up the one that runs. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/supervise/child.h"
#include "init/supervise/loop.h"
#include "init/supervise/other_slot.h"

/* The one process that this one has started. */
static pid_t find_child(void)
{
	char path[64], text[32];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "r");
	assert_non_null(file);
	if (fgets(text, sizeof(text), file))
		pid = atoi(text);
	fclose(file);
	return pid;
}

static void on_signal(int number)
{
	if (number == SIGCHLD)
		child_reap();
}

static int verifies;

static void is_known(void *context, bool answer)
{
	(void)context;
	verifies = answer;
}

/* Whoever was killed has seen nothing: such a slot is not given up. */
static void test_other_slot(void **state)
{
	struct facts facts = {.slot = 'a'};
	struct error err = ERROR_INIT;
	unsigned int killed = 0;
	pid_t last = 0;

	(void)state;
	if (loop_start(on_signal, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(facts.slot_b, sizeof(facts.slot_b), "/nonexistent");
	verifies = -1;
	other_slot_verify(&facts, is_known, NULL);
	while (verifies < 0)
		loop_turn(100);
	assert_int_equal(verifies, false);

	/* Its reader waits for somebody who writes. */
	snprintf(facts.slot_b, sizeof(facts.slot_b), "/tmp/proa-fifo-%d", (int)getpid());
	assert_int_equal(mkfifo(facts.slot_b, 0600), 0);
	verifies = -1;
	other_slot_verify(&facts, is_known, NULL);
	while (verifies < 0) {
		pid_t child = find_child();

		if (child > 0 && child != last) {
			assert_int_equal(kill(child, SIGKILL), 0);
			killed++;
			last = child;
		}
		loop_turn(100);
	}
	unlink(facts.slot_b);
	assert_int_equal(killed, 3);
	assert_int_equal(verifies, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_slot),
	};

	return cmocka_run_group_tests_name("other_slot", tests, NULL, NULL);
}
