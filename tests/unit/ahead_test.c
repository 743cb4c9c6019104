/* A thread that works one step ahead: order, end, failures, an early stop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "lib/ahead.h"

struct counter {
	int end;  /* this many results */
	int last; /* then this */
	int place[AHEAD_PLACES];
	int made; /* the thread's */
	atomic_int calls;
};

static int step(void *context, unsigned int place, struct error *err)
{
	struct counter *c = context;

	c->calls++;
	if (c->made == c->end)
		return c->last < 0 ? error_set(err, c->last, "no more after %d", c->made) : c->last;
	c->place[place] = c->made++;
	return 1;
}

static struct ahead *start(struct counter *c)
{
	struct ahead *ahead = NULL;
	struct error err = ERROR_INIT;

	if (ahead_start(&ahead, step, c, &err) < 0)
		fail_msg("%s", err.message);
	return ahead;
}

static void gives_all_in_order(void **state)
{
	struct counter c = {.end = 20000};
	_cleanup_ahead_ struct ahead *ahead = start(&c);
	unsigned int place;

	(void)state;
	for (int i = 0; i < c.end; i++) {
		assert_int_equal(ahead_next(ahead, &place, NULL), 1);
		assert_int_equal(c.place[place], i);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(ahead_next(ahead, &place, NULL), 0);
	assert_int_equal(c.calls, c.end + 1);
}

/* The failure comes behind the results that were made before it, with its words. */
static void fails_in_order(void **state)
{
	struct counter c = {.end = 3, .last = -EBADMSG};
	_cleanup_ahead_ struct ahead *ahead = start(&c);
	struct error err = ERROR_INIT;
	unsigned int place;

	(void)state;
	for (int i = 0; i < c.end; i++) {
		assert_int_equal(ahead_next(ahead, &place, &err), 1);
		assert_int_equal(c.place[place], i);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ahead_next(ahead, &place, &err), -EBADMSG);
		assert_string_equal(err.message, "no more after 3");
		assert_int_equal(err.code, -EBADMSG);
	}
}

/* Nothing overwrites what the caller still uses, and nothing runs away. */
static void stops_early(void **state)
{
	struct counter c = {.end = 1000};
	struct ahead *ahead = start(&c);
	unsigned int place;

	(void)state;
	assert_int_equal(ahead_next(ahead, &place, NULL), 1);
	assert_int_equal(ahead_next(ahead, &place, NULL), 1);
	assert_int_equal(c.place[place], 1);
	ahead_stop(ahead);
	assert_true(c.calls <= 3);
	ahead_stop(NULL);
	ahead = start(&c);
	ahead_stop(ahead);
}

#ifndef __SANITIZE_ADDRESS__ /* that one needs address space at any time */
/* Where no thread can be had, the caller does the work itself. */
static void works_without_a_thread(void **state)
{
	struct rlimit before, none = {.rlim_cur = 0};
	struct counter c = {.end = 5, .last = -EIO};
	struct ahead *ahead;
	unsigned int place;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	none.rlim_max = before.rlim_max;
	/* No address space for its stack; what is allocated already stays. */
	free(malloc(4096));
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	ahead = start(&c);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(c.calls, 0);
	for (int i = 0; i < c.end; i++) {
		assert_int_equal(ahead_next(ahead, &place, NULL), 1);
		assert_int_equal(c.place[place], i);
		assert_int_equal(c.calls, i + 1);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(ahead_next(ahead, &place, NULL), -EIO);
	assert_int_equal(c.calls, c.end + 1);
	ahead_stop(ahead);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(works_without_a_thread), /* first: no stack is kept for it */
#endif
		cmocka_unit_test(gives_all_in_order),
		cmocka_unit_test(fails_in_order),
		cmocka_unit_test(stops_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
