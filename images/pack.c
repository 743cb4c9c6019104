#include "images/pack.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <zstd.h>

#include "lib/cleanup.h"
#include "lib/format/chunker.h"
#include "lib/io.h"

/* A frame on its way from a worker to the writer. */
struct job {
	uint64_t image_offset;
	uint32_t first_chunk, chunk_count;
	uint32_t raw_size;
	uint8_t *packed; /* NULL until it is done */
	size_t packed_size;
};

struct work {
	const uint8_t *image;
	struct index_chunk *chunks;
	struct job *jobs;
	uint32_t job_count;
	int level;
	uint32_t ahead; /* finished frames that may wait for the writer */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t next, written; /* under the lock, as is `packed` of every job */
	int failed;             /* the first error, ends all */
	struct error error;
};

void pack_free(struct pack *pack)
{
	free(pack->frames);
	free(pack->chunks);
	*pack = (struct pack){.frames = NULL};
}

static void cleanup_pack(struct pack *pack)
{
	pack_free(pack);
}

/* Where the chunks lie. Their hashes come later, from the workers. */
static int cut_chunks(const uint8_t *image, uint64_t size, struct pack *pack, struct error *err)
{
	uint32_t room = 0;

	for (uint64_t at = 0; at < size;) {
		uint64_t left = size - at;
		size_t length = chunker_cut(image + at, left < CHUNKER_MAX ? left : CHUNKER_MAX);

		if (pack->chunk_count == INDEX_CHUNKS_MAX)
			return error_set(err, -EFBIG, "the image is too large: more than %d chunks",
					 INDEX_CHUNKS_MAX);
		if (pack->chunk_count == room) {
			struct index_chunk *bigger;

			room = room ? room * 2 : 4096;
			bigger = realloc(pack->chunks, room * sizeof(*bigger));
			if (!bigger)
				return error_oom(err);
			pack->chunks = bigger;
		}
		pack->chunks[pack->chunk_count++] = (struct index_chunk){.size = (uint32_t)length};
		at += length;
	}
	return 0;
}

/* Gathers chunks until the next one would pass the frame size. */
static int gather_frames(struct pack *pack, uint32_t frame_size, struct job **out,
			 struct error *err)
{
	struct job *jobs = calloc(pack->chunk_count ? pack->chunk_count : 1, sizeof(*jobs));
	uint64_t at = 0;
	uint32_t count = 0;

	if (!jobs)
		return error_oom(err);
	for (uint32_t i = 0; i < pack->chunk_count; i++) {
		struct index_chunk *chunk = &pack->chunks[i];
		struct job *job = count ? &jobs[count - 1] : NULL;

		if (!job || job->raw_size + chunk->size > frame_size) {
			job = &jobs[count++];
			*job = (struct job){.image_offset = at, .first_chunk = i};
		}
		chunk->frame = count - 1;
		chunk->frame_offset = job->raw_size;
		job->raw_size += chunk->size;
		job->chunk_count++;
		at += chunk->size;
	}
	pack->frame_count = count;
	*out = jobs;
	return 0;
}

static int hash_chunks(struct work *work, const struct job *job)
{
	for (uint32_t i = job->first_chunk; i < job->first_chunk + job->chunk_count; i++) {
		struct index_chunk *chunk = &work->chunks[i];
		int r = hash_bytes(work->image + job->image_offset + chunk->frame_offset,
				   chunk->size, chunk->sha256);

		if (r < 0)
			return r;
	}
	return 0;
}

static int pack_job(struct work *work, ZSTD_CCtx *zstd, struct job *job, uint8_t **out,
		    size_t *out_size, struct error *err)
{
	size_t room = ZSTD_compressBound(job->raw_size), n;
	_cleanup_free_ uint8_t *packed = malloc(room);
	uint8_t *fitted;

	if (!packed)
		return error_oom(err);
	if (hash_chunks(work, job) < 0)
		return error_set(err, -EIO, "OpenSSL could not hash a chunk");
	n = ZSTD_compress2(zstd, packed, room, work->image + job->image_offset, job->raw_size);
	if (ZSTD_isError(n))
		return error_set(err, -EIO, "zstd could not compress: %s", ZSTD_getErrorName(n));
	fitted = realloc(packed, n);
	*out = fitted ? fitted : packed;
	*out_size = n;
	packed = NULL;
	return 0;
}

static void fail(struct work *work, int code, const struct error *error)
{
	pthread_mutex_lock(&work->lock);
	if (work->failed == 0) {
		work->failed = code;
		work->error = *error;
	}
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
}

/* The next job, or NULL when all are taken or something failed. */
static struct job *take_job(struct work *work)
{
	struct job *job = NULL;

	pthread_mutex_lock(&work->lock);
	/* Workers stay near the writer: what waits for it is memory. */
	while (work->failed == 0 && work->next < work->job_count &&
	       work->next >= work->written + work->ahead)
		pthread_cond_wait(&work->changed, &work->lock);
	if (work->failed == 0 && work->next < work->job_count)
		job = &work->jobs[work->next++];
	pthread_mutex_unlock(&work->lock);
	return job;
}

static void *worker(void *context)
{
	struct work *work = context;
	struct error error = ERROR_INIT;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	struct job *job;

	/* zstd's own threads stay off: a frame's bytes are then those of its content and level. */
	if (!zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, work->level))) {
		fail(work, -ENOMEM, &(struct error){.message = "zstd could not start"});
		ZSTD_freeCCtx(zstd);
		return NULL;
	}
	while ((job = take_job(work))) {
		uint8_t *packed = NULL;
		size_t size = 0;
		int r = pack_job(work, zstd, job, &packed, &size, &error);

		if (r < 0) {
			fail(work, r, &error);
			break;
		}
		pthread_mutex_lock(&work->lock);
		job->packed = packed;
		job->packed_size = size;
		pthread_cond_broadcast(&work->changed);
		pthread_mutex_unlock(&work->lock);
	}
	ZSTD_freeCCtx(zstd);
	return NULL;
}

/* Waits for job `number`; its bytes are the caller's. NULL where something failed. */
static uint8_t *await_job(struct work *work, uint32_t number)
{
	struct job *job = &work->jobs[number];
	uint8_t *packed;

	pthread_mutex_lock(&work->lock);
	while (work->failed == 0 && !job->packed)
		pthread_cond_wait(&work->changed, &work->lock);
	packed = work->failed == 0 ? job->packed : NULL;
	if (packed)
		job->packed = NULL;
	work->written = number + 1;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
	return packed;
}

/* Writes the frames in order, as they get ready. */
static int write_frames(struct work *work, int data_fd, struct pack *pack, struct error *err)
{
	_cleanup_hash_ struct hash *hash = hash_new();

	pack->frames = calloc(work->job_count ? work->job_count : 1, sizeof(*pack->frames));
	if (!pack->frames || !hash)
		return error_oom(err);
	for (uint32_t i = 0; i < work->job_count; i++) {
		const struct job *job = &work->jobs[i];
		_cleanup_free_ uint8_t *packed = await_job(work, i);
		int r;

		if (!packed) {
			*err = work->error;
			return work->failed;
		}
		pack->frames[i] = (struct index_frame){
			.offset = pack->data_size,
			.packed_size = (uint32_t)job->packed_size,
			.raw_size = job->raw_size,
		};
		pack->data_size += job->packed_size;
		r = io_write_full(data_fd, packed, job->packed_size);
		if (r < 0)
			return error_set(err, r, "cannot write the packed data: %s", strerror(-r));
		if (hash_update(hash, packed, job->packed_size) < 0)
			return error_set(err, -EIO, "OpenSSL could not hash the data");
	}
	if (hash_final(hash, pack->data_sha256) < 0)
		return error_set(err, -EIO, "OpenSSL could not hash the data");
	return 0;
}

static int run(struct work *work, unsigned int threads, int data_fd, struct pack *pack,
	       struct error *err)
{
	pthread_t running[PACK_THREADS_MAX];
	unsigned int started = 0;
	int r = 0;

	while (started < threads && r == 0) {
		r = pthread_create(&running[started], NULL, worker, work);
		if (r == 0)
			started++;
	}
	if (started == 0)
		return error_set(err, -r, "cannot start a thread: %s", strerror(r));
	r = write_frames(work, data_fd, pack, err);
	if (r < 0)
		fail(work, r, &(struct error){.message = "stopped"});
	for (unsigned int i = 0; i < started; i++)
		pthread_join(running[i], NULL);
	return r;
}

int pack_image(int image_fd, uint64_t image_size, const struct pack_options *options, int data_fd,
	       struct pack *out, struct error *err)
{
	_cleanup_(cleanup_pack) struct pack pack = {.frames = NULL};
	struct work work = {
		.level = options->level,
		.ahead = options->threads * 4,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	void *image;
	int r;

	if (options->threads < 1 || options->threads > PACK_THREADS_MAX ||
	    options->frame_size < CHUNKER_MAX || options->frame_size > INDEX_FRAME_RAW_MAX)
		return error_set(err, -EINVAL, "these packing options cannot be");
	image = mmap(NULL, image_size, PROT_READ, MAP_SHARED, image_fd, 0);
	if (image == MAP_FAILED)
		return error_errno(err, "cannot map the image");
	work.image = image;
	r = cut_chunks(image, image_size, &pack, err);
	if (r == 0)
		r = gather_frames(&pack, options->frame_size, &work.jobs, err);
	if (r == 0) {
		work.chunks = pack.chunks;
		work.job_count = pack.frame_count;
		r = run(&work, options->threads, data_fd, &pack, err);
	}
	for (uint32_t i = 0; work.jobs && i < work.job_count; i++)
		free(work.jobs[i].packed);
	free(work.jobs);
	munmap(image, image_size);
	if (r < 0)
		return r;
	*out = pack;
	pack = (struct pack){.frames = NULL};
	return 0;
}
