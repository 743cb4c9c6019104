/* proa-image build: from a root tree to slot image, bundle, manifest and SBOM. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <unistd.h>

#include "images/command.h"
#include "images/erofs.h"
#include "images/pack.h"
#include "images/sbom.h"
#include "images/signer.h"
#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/format/document.h"
#include "lib/format/verity.h"
#include "lib/hex.h"
#include "lib/io.h"

struct build {
	/* as the options say */
	const char *tree, *folder, *name, *mkfs, *packages;
	const char *version, *kernel, *docker, *min_version, *architecture;
	const char *time_text, *epoch_text, *data_version_text;
	const char *level_text, *threads_text, *frame_text;
	struct option_list keys;

	struct manifest manifest;
	struct pack_options pack;
	char full_name[MANIFEST_TEXT_SIZE + 16];
};

static int number(const char *text, const char *option, uint64_t least, uint64_t most,
		  uint64_t *out, struct error *err)
{
	struct span span = {.text = text, .size = strlen(text)};

	if (span_number(span, out) < 0 || *out < least || *out > most)
		return error_set(err, -EINVAL, "--%s is a whole number from %llu to %llu, not \"%s\"",
				 option, (unsigned long long)least, (unsigned long long)most, text);
	return 0;
}

static int text(const char *value, const char *option, char out[MANIFEST_TEXT_SIZE],
		struct error *err)
{
	if (!value || !*value)
		return error_set(err, -EINVAL, "--%s is needed", option);
	if (strlen(value) >= MANIFEST_TEXT_SIZE)
		return error_set(err, -EINVAL, "--%s is longer than %d characters", option,
				 MANIFEST_TEXT_SIZE - 1);
	strcpy(out, value);
	return 0;
}

static const char *processors(void)
{
	static char count[16];
	cpu_set_t set;

	/* What this process may use: a container or taskset may give it less than there is. */
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return "1";
	snprintf(count, sizeof(count), "%d",
		 CPU_COUNT(&set) < PACK_THREADS_MAX ? CPU_COUNT(&set) : PACK_THREADS_MAX);
	return count;
}

/* Turns the options into numbers and texts; every error here is one of usage. */
static int take_options(struct build *b, struct error *err)
{
	struct manifest *m = &b->manifest;
	uint64_t level = 0, threads = 0, frame = 0;
	int r = text(b->version, "version", m->version, err);

	if (!b->tree || !b->folder)
		return error_set(err, -EINVAL, "--tree and -o are needed");
	if (!b->time_text)
		b->time_text = getenv("SOURCE_DATE_EPOCH");
	if (!b->time_text)
		return error_set(err, -EINVAL, "--time is needed, or SOURCE_DATE_EPOCH");
	strcpy(m->product, MANIFEST_PRODUCT);
	if (r == 0)
		r = text(b->architecture, "architecture", m->architecture, err);
	if (r == 0)
		r = text(b->kernel, "kernel", m->kernel, err);
	if (r == 0)
		r = text(b->docker, "docker", m->docker, err);
	if (r == 0)
		r = text(b->min_version, "min-version", m->min_version, err);
	if (r == 0)
		r = number(b->time_text, "time", 0, UINT32_MAX, &m->build_time, err);
	if (r == 0)
		r = number(b->epoch_text, "epoch", 0, UINT32_MAX, &m->epoch, err);
	if (r == 0)
		r = number(b->data_version_text, "data-version", 0, UINT32_MAX, &m->data_version,
			   err);
	if (r == 0)
		r = number(b->level_text, "level", 1, 22, &level, err);
	if (r == 0)
		r = number(b->threads_text ? b->threads_text : processors(), "threads", 1,
			   PACK_THREADS_MAX, &threads, err);
	if (r == 0)
		r = number(b->frame_text, "frame-size", 128, INDEX_FRAME_RAW_MAX >> 10, &frame,
			   err);
	if (r < 0)
		return r;
	b->pack = (struct pack_options){
		.level = (int)level,
		.threads = (unsigned int)threads,
		.frame_size = (uint32_t)frame << 10,
	};
	snprintf(b->full_name, sizeof(b->full_name), "%s%s", b->name ? b->name : "proa-",
		 b->name ? "" : m->version);
	return 0;
}

/* "FOLDER/NAMESUFFIX", allocated; NULL: out of memory. */
static char *path_of(const struct build *b, const char *name, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s/%s%s", b->folder, name, suffix) < 0 ? NULL : path;
}

/*
 * The same for every release: where the data is the same, so is the tree, and an upgrade finds it
 * in the running slot. The salt hides nothing; it only makes the tree Proa's own.
 */
static int choose_salt(struct manifest *m)
{
	static const char words[] = "proa-salt";

	return hash_bytes(words, strlen(words), m->salt);
}

static int locate_boot_loader(const struct build *b, int image, struct manifest *m,
			      struct error *err)
{
	const struct {
		const char *file;
		struct byte_range *range;
	} files[] = {
		{"boot.img", &m->boot_img},
		{"core.img", &m->boot_core},
		{"esp-512.img", &m->boot_esp_512},
		{"esp-4096.img", &m->boot_esp_4096},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_free_ char *path = NULL;
		int r;

		if (asprintf(&path, "%s/boot/grub/%s", b->tree, files[i].file) < 0) {
			path = NULL;
			return error_oom(err);
		}
		r = erofs_locate(image, m->fs_size, path, files[i].range, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* File system and hash tree, under a name that only a whole image gets. */
static int make_image(struct build *b, const char *path, int *out_fd, struct error *err)
{
	struct manifest *m = &b->manifest;
	_cleanup_fd_ int fd = -1;
	int r = erofs_make(b->mkfs, b->tree, path, m->build_time, &m->fs_size, err);

	if (r < 0)
		return r;
	m->image_size = m->fs_size + verity_tree_size(m->fs_size);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	if (choose_salt(m) < 0)
		return error_set(err, -EIO, "OpenSSL could not hash the salt");
	r = verity_format(fd, 0, m->fs_size, m->salt, m->root_hash, err);
	if (r == 0)
		r = locate_boot_loader(b, fd, m, err);
	if (r == 0)
		*out_fd = fd_take(&fd);
	return r;
}

/* A file without a name in the output folder, gone with its descriptor. */
static int scratch_file(const char *folder, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/.pack.XXXXXX", folder) < 0) {
		path = NULL;
		return error_oom(err);
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot create a file in %s", folder);
	unlink(path);
	return fd;
}

static int write_bundle(struct build *b, const struct pack *pack, int data,
			const char *manifest_path, const char *path, struct error *err)
{
	_cleanup_free_ uint8_t *index = NULL;
	_cleanup_fd_ int fd = -1;
	struct signatures signatures = {.count = 0};
	struct manifest *m = &b->manifest;
	char rendered[MANIFEST_SIZE_MAX];
	size_t index_size = 0, size = 0;
	int r = index_render(pack->frames, pack->frame_count, pack->chunks, pack->chunk_count,
			     m->image_size, &index, &index_size, err);

	if (r < 0)
		return r;
	m->index_size = index_size;
	m->data_size = pack->data_size;
	memcpy(m->data_sha256, pack->data_sha256, HASH_SIZE);
	if (hash_bytes(index, index_size, m->index_sha256) < 0)
		return error_set(err, -EIO, "OpenSSL could not hash the index");
	r = manifest_render(m, rendered, &size, err);
	if (r == 0)
		r = signer_sign(&b->keys, rendered, size, &signatures, err);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || lseek(data, 0, SEEK_SET) < 0)
		return error_errno(err, "cannot create %s", path);
	r = bundle_write(fd, m, rendered, size, &signatures, index, index_size, data, err);
	return r < 0 ? r : io_replace_file(manifest_path, rendered, size, 0644, err);
}

/* What a build writes, each beside its name until all are whole; the bundle is the last. */
enum { MANIFEST, SBOM, IMAGE, BUNDLE, RESULTS };

struct results {
	char *path[RESULTS], *new_path[RESULTS];
};

static void results_free(struct results *results)
{
	for (size_t i = 0; i < RESULTS; i++) {
		free(results->path[i]);
		free(results->new_path[i]);
	}
}

static int name_results(const struct build *b, struct results *out)
{
	static const char *const suffixes[RESULTS] = {".manifest", ".spdx.json", "", ".bundle"};

	for (size_t i = 0; i < RESULTS; i++) {
		out->path[i] = path_of(b, i == IMAGE ? "slot.img" : b->full_name, suffixes[i]);
		if (!out->path[i])
			return -ENOMEM;
		if (asprintf(&out->new_path[i], "%s.new", out->path[i]) < 0) {
			out->new_path[i] = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

/* Half a result is none: what an earlier build left stays. */
static int finish(const struct build *b, const struct results *results, int r, struct error *err)
{
	for (size_t i = 0; r == 0 && i < RESULTS; i++) {
		if (i == SBOM && !b->packages)
			continue;
		if (rename(results->new_path[i], results->path[i]) < 0)
			r = error_errno(err, "cannot rename %s to %s", results->new_path[i],
					results->path[i]);
	}
	for (size_t i = 0; r < 0 && i < RESULTS; i++)
		unlink(results->new_path[i]);
	return r;
}

static void report(const struct build *b, const struct pack *pack)
{
	char root_hash[HASH_HEX_SIZE];

	hex_encode(b->manifest.root_hash, HASH_SIZE, root_hash);
	printf("%s: image %llu bytes, data %llu bytes in %u frames and %u chunks, root hash %s\n",
	       b->full_name, (unsigned long long)b->manifest.image_size,
	       (unsigned long long)pack->data_size, pack->frame_count, pack->chunk_count,
	       root_hash);
}

static int build(struct build *b, struct error *err)
{
	__attribute__((cleanup(results_free))) struct results results = {.path = {NULL}};
	_cleanup_fd_ int image = -1, data = -1;
	struct pack pack = {.frames = NULL};
	int r;

	if (name_results(b, &results) < 0)
		return error_oom(err);
	r = io_make_dirs(b->folder, err);
	/* First, for the packages' list is all that it needs: packing takes minutes. */
	if (r == 0 && b->packages)
		r = sbom_write(&(struct sbom){.name = b->full_name,
					      .version = b->manifest.version,
					      .time = b->manifest.build_time,
					      .packages = b->packages},
			       results.new_path[SBOM], err);
	if (r == 0)
		r = make_image(b, results.new_path[IMAGE], &image, err);
	if (r == 0)
		r = data = scratch_file(b->folder, err);
	if (r >= 0)
		r = pack_image(image, b->manifest.image_size, &b->pack, data, &pack, err);
	if (r == 0)
		r = write_bundle(b, &pack, data, results.new_path[MANIFEST],
				 results.new_path[BUNDLE], err);
	r = finish(b, &results, r, err);
	if (r == 0)
		report(b, &pack);
	pack_free(&pack);
	return r;
}

int image_build(int argc, char **argv)
{
	struct build b = {
		.mkfs = "mkfs.erofs",
		.architecture = MANIFEST_ARCHITECTURE,
		.min_version = "0",
		.epoch_text = "1",
		.data_version_text = "1",
		.level_text = "19",
		.frame_text = "256",
	};
	const struct option options[] = {
		{0, "tree", "DIR", OPTION_STRING, &b.tree, "the root tree"},
		{'o', "output", "DIR", OPTION_STRING, &b.folder, "where the results go"},
		{0, "version", "V", OPTION_STRING, &b.version, "the release's version"},
		{0, "kernel", "V", OPTION_STRING, &b.kernel, "the kernel's version"},
		{0, "docker", "V", OPTION_STRING, &b.docker, "Docker's version"},
		{0, "min-version", "V", OPTION_STRING, &b.min_version,
		 "least version to upgrade from (default 0)"},
		{0, "epoch", "N", OPTION_STRING, &b.epoch_text, "anti-downgrade number (default 1)"},
		{0, "data-version", "N", OPTION_STRING, &b.data_version_text,
		 "of Docker's data (default 1)"},
		{0, "architecture", "A", OPTION_STRING, &b.architecture, "default x86_64"},
		{0, "time", "SECONDS", OPTION_STRING, &b.time_text,
		 "build time (default SOURCE_DATE_EPOCH)"},
		{0, "name", "NAME", OPTION_STRING, &b.name, "of the files (default proa-VERSION)"},
		{0, "packages", "FILE", OPTION_STRING, &b.packages,
		 "list of packages, for the SBOM"},
		{'k', "key", "KEY", OPTION_LIST, &b.keys, "sign with this private key"},
		{'l', "level", "N", OPTION_STRING, &b.level_text, "zstd level (default 19)"},
		{'j', "threads", "N", OPTION_STRING, &b.threads_text,
		 "default: as many as there are processors"},
		{0, "frame-size", "KIB", OPTION_STRING, &b.frame_text,
		 "of the image in one frame (default 256)"},
		{0, "mkfs", "PROGRAM", OPTION_STRING, &b.mkfs, "default mkfs.erofs"},
		{.name = NULL},
	};
	const struct option_usage usage = {
		.command = "proa-image build",
		.operands = "--tree DIR -o DIR --version V --kernel V --docker V [OPTIONS]",
		.summary = "Writes slot.img, NAME.bundle, NAME.manifest and NAME.spdx.json.",
		.notes = "The same tree, options and mkfs.erofs give the same bytes.",
	};
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (take_options(&b, &err) < 0)
		return command_usage(usage.command, err.message);
	return build(&b, &err) < 0 ? image_failed(&err) : EXIT_DONE;
}
