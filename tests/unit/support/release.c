#include "tests/unit/support/release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/cleanup.h"
#include "lib/format/chunker.h"
#include "lib/format/keyfile.h"
#include "lib/format/verity.h"
#include "lib/io.h"
#include "lib/keys.h"

static void check(int r, const struct error *err)
{
	if (r < 0)
		fail_msg("%s", err->message);
}

void release_ring(struct keyring *out)
{
	struct error err = ERROR_INIT;

	*out = (struct keyring){.count = 0};
	check(keyfile_add("testdata/keys/1.root", out, &err), &err);
}

int release_file(const void *data, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_pwrite_full(fd, data, size, 0), 0);
	return fd;
}

/* Half noise, half a pattern, some zeros: something to cut and to compress. */
static void make_image(struct release *r)
{
	_cleanup_fd_ int fd = -1;
	struct error err = ERROR_INIT;
	uint64_t seed = 1;
	struct manifest *m = &r->manifest;

	m->fs_size = RELEASE_FS_SIZE;
	m->image_size = m->fs_size + verity_tree_size(m->fs_size);
	r->image = calloc(1, m->image_size);
	assert_non_null(r->image);
	for (size_t i = 0; i < m->fs_size * 3 / 4; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		r->image[i] = i % 8192 < 4096 ? (uint8_t)(seed >> 56) : (uint8_t)(i / 16);
	}
	memset(m->salt, 0x5a, sizeof(m->salt));
	fd = release_file(r->image, m->image_size);
	check(verity_format(fd, 0, m->fs_size, m->salt, m->root_hash, &err), &err);
	assert_int_equal(io_pread_full(fd, r->image, m->image_size, 0), 0);
}

static void pack_frame(struct release *r, const uint8_t *raw, struct index_frame *frame)
{
	size_t room = ZSTD_compressBound(frame->raw_size), n;

	frame->offset = r->manifest.data_size;
	r->data = realloc(r->data, r->manifest.data_size + room);
	assert_non_null(r->data);
	n = ZSTD_compress(r->data + frame->offset, room, raw, frame->raw_size, 1);
	assert_false(ZSTD_isError(n));
	frame->packed_size = (uint32_t)n;
	r->manifest.data_size += n;
}

static void pack(struct release *r)
{
	static struct index_frame frames[256];
	static struct index_chunk chunks[1024];
	uint32_t frame_count = 0, chunk_count = 0;
	struct error err = ERROR_INIT;
	struct manifest *m = &r->manifest;

	for (uint64_t at = 0; at < m->image_size; frame_count++) {
		struct index_frame *frame = &frames[frame_count];

		*frame = (struct index_frame){.raw_size = 0};
		while (at + frame->raw_size < m->image_size &&
		       frame->raw_size < RELEASE_FRAME_SIZE) {
			struct index_chunk *chunk = &chunks[chunk_count++];
			const uint8_t *start = r->image + at + frame->raw_size;
			size_t size = chunker_cut(start, m->image_size - at - frame->raw_size);

			*chunk = (struct index_chunk){.size = (uint32_t)size,
						      .frame = frame_count,
						      .frame_offset = frame->raw_size};
			assert_int_equal(hash_bytes(start, size, chunk->sha256), 0);
			frame->raw_size += (uint32_t)size;
		}
		pack_frame(r, r->image + at, frame);
		at += frame->raw_size;
	}
	check(index_render(frames, frame_count, chunks, chunk_count, m->image_size, &r->index,
			   &r->index_size, &err),
	      &err);
	m->index_size = r->index_size;
	assert_int_equal(hash_bytes(r->index, r->index_size, m->index_sha256), 0);
	assert_int_equal(hash_bytes(r->data, m->data_size, m->data_sha256), 0);
}

void release_sign(struct release *r, const char *key_file)
{
	_cleanup_private_key_ struct private_key *key = NULL;
	uint8_t signature[SIGN_SIGNATURE_SIZE];
	struct error err = ERROR_INIT;
	struct public_key public;

	check(manifest_render(&r->manifest, r->text, &r->size, &err), &err);
	check(private_key_load(key_file, &key, &err), &err);
	check(private_key_public(key, &public, &err), &err);
	check(private_key_sign(key, r->text, r->size, signature, &err), &err);
	r->signatures.count = 0;
	assert_int_equal(signatures_add(&r->signatures, public.id, signature), 0);
}

void release_make(struct release *r)
{
	*r = (struct release){
		.manifest = {
			.product = MANIFEST_PRODUCT,
			.version = "2026.11.0",
			.architecture = MANIFEST_ARCHITECTURE,
			.build_time = 1700000000,
			.epoch = 1,
			.min_version = "0",
			.data_version = 1,
			.kernel = "6.12.117+deb13-amd64",
			.docker = "28.5.2+dfsg4-5",
			.boot_img = {4096, 512},
			.boot_core = {8192, 30000},
			.boot_esp_512 = {65536, 70000},
			.boot_esp_4096 = {RELEASE_FS_SIZE - 4096, 4096},
		},
	};
	make_image(r);
	pack(r);
	release_sign(r, "testdata/keys/release.key");
}

void release_free(struct release *r)
{
	free(r->image);
	free(r->index);
	free(r->data);
	*r = (struct release){.image = NULL};
}
