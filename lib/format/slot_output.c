#include "lib/format/slot_output.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lib/cleanup.h"

/*
 * A piece ends at a multiple of PIECE, which every disk's blocks divide; it is no longer than what
 * an upgrade may lose that is killed.
 */
enum { PIECE = 256 << 10, PIECES = 4 };

struct piece {
	uint8_t *bytes;
	uint64_t start; /* in the slot */
	size_t size;
};

struct slot_output {
	const struct slot_writer *slot;
	bool threaded;
	pthread_t thread;
	struct piece pieces[PIECES];

	pthread_mutex_t lock; /* over all below */
	pthread_cond_t changed;
	unsigned long filled, written; /* pieces; the caller fills pieces[filled % PIECES] */
	bool stop;
	int failed;
	struct error error;
};

static struct piece *filling(struct slot_output *o)
{
	return &o->pieces[o->filled % PIECES];
}

/* The oldest piece that is not written; after an error none is, and all are dropped. */
static void write_piece(struct slot_output *o)
{
	struct piece *piece = &o->pieces[o->written % PIECES];
	struct error error = ERROR_INIT;
	int r = 0;

	if (o->failed == 0)
		r = slot_write_bytes(o->slot, piece->bytes, piece->size, piece->start, &error);
	pthread_mutex_lock(&o->lock);
	if (r < 0) {
		o->failed = r;
		o->error = error;
	}
	piece->size = 0;
	o->written++;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

/* Waits for a piece. False: there is no more to come. */
static bool await_piece(struct slot_output *o)
{
	bool go;

	pthread_mutex_lock(&o->lock);
	while (!o->stop && o->written == o->filled)
		pthread_cond_wait(&o->changed, &o->lock);
	go = !o->stop;
	pthread_mutex_unlock(&o->lock);
	return go;
}

static void *run(void *context)
{
	struct slot_output *o = context;

	while (await_piece(o))
		write_piece(o);
	return NULL;
}

/* Until at most `count` pieces are not written. Returns 0, or what one of them met. */
static int wait_for(struct slot_output *o, unsigned long count, struct error *err)
{
	int r;

	while (!o->threaded && o->filled - o->written > count)
		write_piece(o);
	pthread_mutex_lock(&o->lock);
	while (o->filled - o->written > count)
		pthread_cond_wait(&o->changed, &o->lock);
	r = o->failed;
	if (r < 0)
		error_set(err, r, "%s", o->error.message);
	pthread_mutex_unlock(&o->lock);
	return r;
}

/* Hands over what was gathered, and waits for the place of what comes next. */
static int hand_over(struct slot_output *o, struct error *err)
{
	pthread_mutex_lock(&o->lock);
	o->filled++;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	return wait_for(o, PIECES - 1, err);
}

int slot_output_write(struct slot_output *o, const void *data, size_t size, uint64_t offset,
		      struct error *err)
{
	const uint8_t *from = data;

	while (size > 0) {
		struct piece *piece = filling(o);
		size_t room = PIECE - (size_t)(offset % PIECE), taken = size < room ? size : room;
		int r = 0;

		/* Something was left out: it is there already. */
		if (piece->size > 0 && piece->start + piece->size != offset) {
			r = hand_over(o, err);
			piece = filling(o);
		}
		if (r < 0)
			return r;
		if (piece->size == 0)
			piece->start = offset;
		memcpy(piece->bytes + piece->size, from, taken);
		piece->size += taken;
		from += taken;
		size -= taken;
		offset += taken;
		if (offset % PIECE == 0)
			r = hand_over(o, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int slot_output_sync(struct slot_output *o, struct error *err)
{
	int r = filling(o)->size > 0 ? hand_over(o, err) : 0;

	if (r == 0)
		r = wait_for(o, 0, err);
	return r < 0 ? r : slot_write_sync(o->slot, err);
}

static void start_thread(struct slot_output *o)
{
	sigset_t all, before;

	/* Signals stay with the thread that expects them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	o->threaded = pthread_create(&o->thread, NULL, run, o) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int slot_output_start(struct slot_output **out, const struct slot_writer *slot, struct error *err)
{
	_cleanup_slot_output_ struct slot_output *o = calloc(1, sizeof(*o));

	if (!o)
		return error_oom(err);
	o->slot = slot;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	for (size_t i = 0; i < PIECES; i++) {
		o->pieces[i].bytes = malloc(PIECE);
		if (!o->pieces[i].bytes)
			return error_oom(err);
	}
	start_thread(o);
	*out = ptr_take(o);
	return 0;
}

void slot_output_end(struct slot_output *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->stop = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	if (o->threaded)
		pthread_join(o->thread, NULL);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	for (size_t i = 0; i < PIECES; i++)
		free(o->pieces[i].bytes);
	free(o);
}
