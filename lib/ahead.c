#include "lib/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct ahead {
	ahead_step step;
	void *context;
	bool threaded;
	pthread_t thread;

	pthread_mutex_t lock; /* over all below */
	pthread_cond_t changed;
	uint64_t made, taken, released; /* results; released <= taken <= made */
	bool stop, ended;
	int last; /* once ended: what the last step returned, and its words */
	struct error error;
};

/* Waits for a place that is free. False: there is no more to do. */
static bool await_place(struct ahead *a)
{
	bool go;

	pthread_mutex_lock(&a->lock);
	while (!a->stop && a->made - a->released == AHEAD_PLACES)
		pthread_cond_wait(&a->changed, &a->lock);
	go = !a->stop;
	pthread_mutex_unlock(&a->lock);
	return go;
}

/* Only what makes results changes `made`. Returns whether there may be more. */
static bool make_one(struct ahead *a)
{
	struct error error = ERROR_INIT;
	int r = a->step(a->context, (unsigned int)(a->made % AHEAD_PLACES), &error);

	pthread_mutex_lock(&a->lock);
	if (r > 0)
		a->made++;
	a->ended = r <= 0;
	a->last = r;
	a->error = error;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	return r > 0;
}

static void *run(void *context)
{
	struct ahead *a = context;

	while (await_place(a) && make_one(a))
		;
	return NULL;
}

int ahead_start(struct ahead **out, ahead_step step, void *context, struct error *err)
{
	struct ahead *a = calloc(1, sizeof(*a));
	sigset_t all, before;

	if (!a)
		return error_oom(err);
	a->step = step;
	a->context = context;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	/* Signals stay with the thread that expects them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	a->threaded = pthread_create(&a->thread, NULL, run, a) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	*out = a;
	return 0;
}

int ahead_next(struct ahead *a, unsigned int *place, struct error *err)
{
	int r = 1;

	if (!a->threaded && !a->ended)
		(void)make_one(a);
	pthread_mutex_lock(&a->lock);
	a->released = a->taken;
	pthread_cond_broadcast(&a->changed);
	while (!a->ended && a->made == a->taken)
		pthread_cond_wait(&a->changed, &a->lock);
	if (a->made > a->taken) {
		*place = (unsigned int)(a->taken++ % AHEAD_PLACES);
	} else {
		r = a->last;
		if (r < 0)
			error_set(err, r, "%s", a->error.message);
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

void ahead_stop(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	if (a->threaded)
		pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
