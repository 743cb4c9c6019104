#include "bootloader/flipio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/io.h"

enum { SECTOR_MAX = 4096, LOCK_WAIT_S = 10 };

/* O_DIRECT wants memory aligned to the sector. */
struct sector {
	_Alignas(SECTOR_MAX) uint8_t bytes[SECTOR_MAX];
};

static int find_sector_size(struct flipio *io, uint32_t sector_size, struct error *err)
{
	struct stat st;
	int size = 512;

	if (fstat(io->fd, &st) < 0)
		return error_errno(err, "cannot look at %s", io->name);
	if (sector_size == 0 && S_ISBLK(st.st_mode) && ioctl(io->fd, BLKSSZGET, &size) < 0)
		return error_errno(err, "cannot ask %s for its sector size", io->name);
	io->sector_size = sector_size ? sector_size : (uint32_t)size;
	if (io->sector_size != 512 && io->sector_size != SECTOR_MAX)
		return error_set(err, -EINVAL, "%s has sectors of %u bytes; only 512 and 4096 work",
				 io->name, io->sector_size);
	return 0;
}

static int open_flip(struct flipio *io, const char *path, int flags, uint64_t offset,
		     uint32_t sector_size, struct error *err)
{
	_cleanup_fd_ int fd = -1;
	int r;

	*io = (struct flipio){.fd = -1, .offset = offset, .direct = true};
	snprintf(io->name, sizeof(io->name), "%s", path);
	flags |= O_CLOEXEC | O_SYNC;
	fd = open(path, flags | O_DIRECT);
	if (fd < 0 && errno == EINVAL) {
		/* Some file systems (tmpfs) know no O_DIRECT. */
		io->direct = false;
		fd = open(path, flags);
	}
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	io->fd = fd;
	r = find_sector_size(io, sector_size, err);
	io->fd = -1;
	if (r < 0)
		return r;
	io->fd = fd_take(&fd);
	return 0;
}

int flipio_open(struct flipio *io, const char *path, uint64_t offset, uint32_t sector_size,
		struct error *err)
{
	int r = open_flip(io, path, O_RDWR, offset, sector_size, err);

	if (r < 0)
		return r;
	/* A change takes milliseconds. PID 1 is among those who wait: never without an end. */
	r = io_lock(io->fd, LOCK_WAIT_S * 1000);
	if (r < 0) {
		errno = -r;
		r = error_errno(err, "cannot lock %s within %d s; is a program that changes it "
				     "stopped? (lsof %s)",
				path, LOCK_WAIT_S, path);
		flipio_close(io);
	}
	return r;
}

int flipio_open_read(struct flipio *io, const char *path, uint64_t offset, uint32_t sector_size,
		     struct error *err)
{
	return open_flip(io, path, O_RDONLY, offset, sector_size, err);
}

void flipio_close(struct flipio *io)
{
	if (io->fd >= 0)
		close(io->fd); /* and with it the lock */
	io->fd = -1;
}

/*
 * A plain file may lie on a file system that takes O_DIRECT at open but not in
 * pieces of 512 bytes: from there on it is written through the cache, synced.
 */
static bool leave_direct(struct flipio *io, int error)
{
	struct stat st;
	int flags;

	if (error != -EINVAL || !io->direct || fstat(io->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	flags = fcntl(io->fd, F_GETFL);
	if (flags < 0 || fcntl(io->fd, F_SETFL, flags & ~O_DIRECT) < 0)
		return false;
	io->direct = false;
	return true;
}

static int read_past_cache(struct flipio *io, uint32_t offset, void *bytes, size_t size)
{
	uint64_t at = io->offset + offset;
	int r;

	do {
		if (!io->direct)
			posix_fadvise(io->fd, (off_t)at, (off_t)size, POSIX_FADV_DONTNEED);
		r = io_pread_full(io->fd, bytes, size, at);
	} while (r < 0 && leave_direct(io, r));
	return r;
}

static int write_and_read_back(struct flipio *io, uint32_t offset, const void *bytes, size_t size,
			       const char *what, struct error *err)
{
	struct sector seen;
	int r;

	do {
		r = io_pwrite_full(io->fd, bytes, size, io->offset + offset);
	} while (r < 0 && leave_direct(io, r));
	/* O_SYNC alone leaves the drive's cache to the driver; this flushes it. */
	if (r == 0 && fdatasync(io->fd) < 0)
		r = -errno;
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot write the %s on %s", what, io->name);
	}
	r = read_past_cache(io, offset, seen.bytes, size);
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read back the %s on %s", what, io->name);
	}
	if (memcmp(seen.bytes, bytes, size) != 0)
		return error_set(err, -EIO,
				 "the %s on %s reads back other than it was written: the disk is "
				 "failing",
				 what, io->name);
	return 0;
}

int flipio_read(struct flipio *io, struct flipio_state *state, struct error *err)
{
	struct flipio_state found = {.same = false};
	struct flip block, mirror;
	struct sector sector;
	int r_block, r_mirror;

	r_block = read_past_cache(io, FLIPFS_BLOCK_OFFSET, sector.bytes, io->sector_size);
	found.block_whole = r_block == 0 && flip_parse(sector.bytes, &block, NULL) == 0;
	r_mirror = read_past_cache(io, FLIPFS_MIRROR_OFFSET, sector.bytes, io->sector_size);
	found.mirror_whole = r_mirror == 0 && flip_parse(sector.bytes, &mirror, NULL) == 0;

	if (r_block < 0 && r_mirror < 0) {
		errno = -r_block;
		return error_errno(err, "cannot read the flip block on %s", io->name);
	}
	if (found.block_whole)
		found.block = block;
	else if (found.mirror_whole)
		found.block = mirror;
	found.same = found.block_whole && found.mirror_whole && flip_equal(&block, &mirror);
	*state = found;
	return 0;
}

static int commit_one(struct flipio *io, uint32_t offset, const struct sector *wanted,
		      const char *what, struct error *err)
{
	struct sector seen;

	if (read_past_cache(io, offset, seen.bytes, io->sector_size) == 0 &&
	    memcmp(seen.bytes, wanted->bytes, io->sector_size) == 0)
		return 0;
	return write_and_read_back(io, offset, wanted->bytes, io->sector_size, what, err);
}

int flipio_commit(struct flipio *io, const struct flip *flip, struct error *err)
{
	struct sector wanted = {.bytes = {0}};
	int r;

	flip_render(flip, wanted.bytes);
	/* The mirror only after the block is known to be whole: one of the two always is. */
	r = commit_one(io, FLIPFS_BLOCK_OFFSET, &wanted, "flip block", err);
	if (r == 0)
		r = commit_one(io, FLIPFS_MIRROR_OFFSET, &wanted, "flip block's mirror", err);
	return r;
}

static int repair(struct flipio *io, const struct flipio_state *state,
		  const struct rules_facts *facts, struct rules_outcome *out, struct error *err)
{
	rules_repair(state->block_whole ? &state->block : NULL,
		     state->mirror_whole ? &state->block : NULL, facts, out);
	return out->changed ? flipio_commit(io, &out->block, err) : 0;
}

int flipio_event(struct flipio *io, enum rules_event event, const struct rules_facts *facts,
		 struct rules_outcome *out, struct error *err)
{
	struct flipio_state state;
	struct rules_outcome outcome;
	int r;

	r = flipio_read(io, &state, err);
	if (event == RULES_REPAIR) {
		/* Sectors that cannot be read are damaged ones: writing may bring them back. */
		if (r < 0)
			state = (struct flipio_state){.same = false};
		r = repair(io, &state, facts, &outcome, err);
	} else {
		if (r < 0)
			return r;
		if (!state.block_whole && !state.mirror_whole)
			return error_set(
				err, -EBADMSG,
				"the flip block and its mirror on %s are damaged; the next "
				"boot repairs them",
				io->name);
		r = rules_apply(event, &state.block, facts, &outcome, err);
		if (r == 0)
			r = flipio_commit(io, &outcome.block, err);
	}
	if (r == 0 && out)
		*out = outcome;
	return r;
}

int flipio_repair_metadata(struct flipio *io, unsigned int *repaired, struct error *err)
{
	struct sector wanted, seen;
	unsigned int count = 0;

	for (uint32_t i = 0; i < FLIPFS_METADATA_SIZE / FLIPFS_BLOCK_SIZE; i++) {
		uint32_t offset = i * FLIPFS_BLOCK_SIZE;
		int r;

		flipfs_render_metadata(i, wanted.bytes);
		if (read_past_cache(io, offset, seen.bytes, FLIPFS_BLOCK_SIZE) == 0 &&
		    memcmp(seen.bytes, wanted.bytes, FLIPFS_BLOCK_SIZE) == 0)
			continue;
		r = write_and_read_back(io, offset, wanted.bytes, FLIPFS_BLOCK_SIZE,
					"flip partition's metadata", err);
		if (r < 0)
			return r;
		count++;
	}
	if (repaired)
		*repaired = count;
	return 0;
}

int flipio_args_get(struct flipio *io, struct args *args, struct error *err)
{
	struct sector sector;
	int r = read_past_cache(io, FLIPFS_ARGS_OFFSET, sector.bytes, FLIPFS_ARGS_SIZE);

	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read the arguments file on %s", io->name);
	}
	return args_parse(sector.bytes, args, err);
}

int flipio_args_set(struct flipio *io, const struct args *args, struct error *err)
{
	struct sector sector;
	int r = args_check(args->text, err);

	if (r < 0)
		return r;
	args_render(args, sector.bytes);
	return write_and_read_back(io, FLIPFS_ARGS_OFFSET, sector.bytes, FLIPFS_ARGS_SIZE,
				   "arguments file", err);
}

static int check_record(const struct flipio *io, uint32_t offset, struct error *err)
{
	if (offset % FLIPFS_BLOCK_SIZE || offset < FLIPFS_LOG_OFFSET ||
	    offset - FLIPFS_LOG_OFFSET >= FLIPFS_LOG_SIZE)
		return error_set(err, -EINVAL, "%s: offset %u is no record of the boot log ring",
				 io->name, offset);
	return 0;
}

int flipio_record_read(struct flipio *io, uint32_t offset, void *record, struct error *err)
{
	int r = check_record(io, offset, err);

	if (r < 0)
		return r;
	r = read_past_cache(io, offset, record, FLIPFS_BLOCK_SIZE);
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot read the boot log ring on %s", io->name);
	}
	return 0;
}

int flipio_record_write(struct flipio *io, uint32_t offset, const void *record, struct error *err)
{
	int r = check_record(io, offset, err);

	if (r < 0)
		return r;
	do {
		r = io_pwrite_full(io->fd, record, FLIPFS_BLOCK_SIZE, io->offset + offset);
	} while (r < 0 && leave_direct(io, r));
	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot write the boot log ring on %s", io->name);
	}
	return 0;
}
