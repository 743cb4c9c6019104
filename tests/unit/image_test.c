/* proa-image as a release engineer uses it, on a small tree. Needs mkfs.erofs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "images/command.h"
#include "images/sbom.h"
#include "images/stream.h"
#include "lib/cleanup.h"
#include "lib/format/slot.h"
#include "lib/io.h"
#include "tests/unit/support/release.h"

#define KEYS "testdata/keys/"

static char folder[] = "/tmp/proa-image-XXXXXX";
static bool have_mkfs;

static int shell(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

/* A tree with what a slot must have: boot loader files, links, holes, an empty file. */
static int make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	have_mkfs = shell("command -v mkfs.erofs >/dev/null") == 0;
	return shell("set -e; cd %s; mkdir -p tree/boot/grub tree/usr/bin tree/etc; cd tree\n"
		     "i=0; for f in boot.img:512 core.img:100000 esp-512.img:70001 "
		     "esp-4096.img:4096; do i=$((i+1)); head -c ${f#*:} /dev/zero | "
		     "openssl enc -aes-128-ctr -K $i -iv 0 2>/dev/null >boot/grub/${f%%:*}; done\n"
		     "seq 1 200000 >usr/bin/numbers; ln usr/bin/numbers usr/bin/again; "
		     "ln -s numbers usr/bin/link; : >etc/empty; truncate -s 2M etc/hole; "
		     "printf 'a\\t1\\ta\\t1\\tamd64\\nb\\t2\\tc\\t3\\tall\\n' >../packages",
		     folder);
}

static int remove_tree(void **state)
{
	(void)state;
	return shell("rm -r %s", folder);
}

/* Runs a sub-command on words cut at blanks; what it prints for people is dropped. */
static int run(int (*command)(int, char **), const char *format, ...)
{
	char words[2048], *argv[64] = {(char *)(uintptr_t)"proa-image"}, *save = NULL;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int out = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO), argc = 1, r;
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	r = command(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close(out);
	close(errors);
	close(null);
	return r;
}

static int build(const char *out, const char *more)
{
	return run(image_build,
		   "--tree %s/tree -o %s/%s --version 1.0 --kernel 6.12.0 --docker 28.5.2 --time "
		   "1700000000 --packages %s/packages --level 3 --frame-size 128 --name r %s",
		   folder, folder, out, folder, more);
}

static void building_twice_gives_the_same_bytes(void **state)
{
	(void)state;
	if (!have_mkfs)
		skip();
	setenv("SOURCE_DATE_EPOCH", "1600000000", 1);
	assert_int_equal(build("one", "--threads 1"), EXIT_DONE);
	/* Another order in the folder, other times of the files, another number of threads. */
	assert_int_equal(shell("cd %s && mkdir copy && ls -r tree/usr/bin tree >/dev/null && "
			       "(cd tree && find . -depth | sort -r | cpio -pdm --quiet ../copy) "
			       "2>/dev/null || cp -a tree/. copy; touch -d 2001-01-01 copy/etc/empty; "
			       "mv tree first; mv copy tree",
			       folder),
			 0);
	assert_int_equal(build("two", "--threads 3"), EXIT_DONE);
	unsetenv("SOURCE_DATE_EPOCH");
	assert_int_equal(shell("cd %s && rm -r tree && mv first tree && diff -r one two", folder),
			 0);
	assert_int_equal(shell("cd %s && test -s one/slot.img && test -s one/r.bundle && "
			       "test -s one/r.manifest && test -s one/r.spdx.json && "
			       "test $(ls -A one | wc -l) = 4",
			       folder),
			 0);
}

static void signing_and_verifying(void **state)
{
	(void)state;
	if (!have_mkfs)
		skip();
	assert_int_equal(build("s", ""), EXIT_DONE);
	assert_int_equal(run(image_verify, "%s/s/r.bundle --root " KEYS "1.root", folder),
			 EXIT_REFUSED);
	assert_int_equal(run(image_sign, "%s/s/r.bundle --key " KEYS "stranger.key", folder),
			 EXIT_DONE);
	assert_int_equal(run(image_verify, "%s/s/r.bundle --root " KEYS "1.root", folder),
			 EXIT_REFUSED);
	assert_int_equal(run(image_sign, "%s/s/r.bundle --key " KEYS "release.key", folder),
			 EXIT_DONE);
	assert_int_equal(run(image_verify, "%s/s/r.bundle --root " KEYS "1.root", folder),
			 EXIT_DONE);
	assert_int_equal(run(image_verify, "%s/s/r.bundle --key " KEYS "stranger.pub", folder),
			 EXIT_DONE);
	assert_int_equal(run(image_inspect, "%s/s/r.bundle", folder), EXIT_DONE);
	assert_int_equal(run(image_inspect, "--json %s/s/r.bundle", folder), EXIT_DONE);
	assert_int_equal(run(image_inspect, "%s/s/r.manifest --json", folder), EXIT_DONE);
	assert_int_equal(run(image_inspect, "%s/s/slot.img", folder), EXIT_FAILED);
	/* One bit of the data: still signed, no longer whole. */
	assert_int_equal(shell("cd %s/s && printf x | dd of=r.bundle bs=1 seek=100000 "
			       "conv=notrunc status=none",
			       folder),
			 0);
	assert_int_equal(run(image_verify, "%s/s/r.bundle --root " KEYS "1.root", folder),
			 EXIT_FAILED);
}

/* The private key never comes near proa-image: openssl makes the signature. */
static void signing_elsewhere(void **state)
{
	(void)state;
	if (!have_mkfs)
		skip();
	assert_int_equal(build("e", ""), EXIT_DONE);
	assert_int_equal(run(image_digest, "%s/e/r.bundle -o %s/bytes", folder, folder), EXIT_DONE);
	assert_int_equal(shell("cmp %s/bytes %s/e/r.manifest && openssl pkeyutl -sign -rawin "
			       "-inkey " KEYS "release.key -in %s/bytes -out %s/signature",
			       folder, folder, folder, folder),
			 0);
	assert_int_equal(run(image_attach, "--signature %s/signature --key " KEYS
					   "stranger.pub %s/e/r.bundle",
			     folder, folder),
			 EXIT_REFUSED);
	assert_int_equal(run(image_attach, "--signature %s/bytes --key " KEYS
					   "release.pub %s/e/r.bundle",
			     folder, folder),
			 EXIT_FAILED);
	assert_int_equal(run(image_attach, "--signature %s/signature --key " KEYS
					   "release.pub %s/e/r.bundle",
			     folder, folder),
			 EXIT_DONE);
	assert_int_equal(run(image_verify, "%s/e/r.bundle --root " KEYS "1.root", folder),
			 EXIT_DONE);
}

/* What an earlier build left stays as it was, and nothing lies beside it. */
static void failed_builds_change_nothing(void **state)
{
	static const struct {
		const char *rule, *options;
	} rows[] = {
		{"a key that is none", "--key " KEYS "release.pub"},
		{"no list of packages", "--packages /no/such/list"},
		{"a tool that is not there", "--mkfs /no/such/mkfs"},
	};

	(void)state;
	if (!have_mkfs)
		skip();
	assert_int_equal(build("f", ""), EXIT_DONE);
	assert_int_equal(shell("cp -a %s/f %s/f.before", folder, folder), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char options[128];

		snprintf(options, sizeof(options), "--kernel 6.12.1 %s", rows[i].options);
		if (build("f", options) != EXIT_FAILED ||
		    shell("diff -r %s/f %s/f.before", folder, folder) != 0)
			fail_msg("%s", rows[i].rule);
	}
}

static void keys_and_root_documents(void **state)
{
	(void)state;
	assert_int_equal(run(image_keygen, "-o %s/keys", folder), EXIT_DONE);
	assert_int_equal(run(image_keygen, "-o %s/keys", folder), EXIT_FAILED);
	/* Where the public half is in the way, no new private one stays. */
	assert_int_equal(shell("mkdir %s/half && touch %s/half/release.pub", folder, folder), 0);
	assert_int_equal(run(image_keygen, "-o %s/half", folder), EXIT_FAILED);
	assert_int_equal(shell("test $(ls -A %s/half) = release.pub", folder), 0);
	assert_int_equal(run(image_keygen, "-o %s/keys --role root", folder), EXIT_DONE);
	assert_int_equal(run(image_keygen, "-o %s/keys --role owner", folder), EXIT_USAGE);
	assert_int_equal(run(image_root,
			     "--number 1 --release-key %s/keys/release.pub --root-key "
			     "%s/keys/root.pub --sign %s/keys/root.key -o %s/1.root",
			     folder, folder, folder, folder),
			 EXIT_DONE);
	assert_int_equal(run(image_verify, "%s/1.root --root %s/1.root", folder, folder),
			 EXIT_DONE);
	/* A release key cannot sign it, nor can the second follow without the first's key. */
	assert_int_equal(run(image_root,
			     "--number 1 --release-key %s/keys/release.pub --root-key "
			     "%s/keys/root.pub --sign %s/keys/release.key -o %s/x.root",
			     folder, folder, folder, folder),
			 EXIT_REFUSED);
	assert_int_equal(run(image_root,
			     "--number 2 --release-key %s/keys/release.pub --root-key " KEYS
			     "root.pub --sign " KEYS "root.key --previous %s/1.root -o %s/2.root",
			     folder, folder, folder),
			 EXIT_REFUSED);
	assert_int_equal(run(image_root,
			     "--number 2 --release-key %s/keys/release.pub --root-key " KEYS
			     "root.pub --sign " KEYS "root.key --sign %s/keys/root.key --previous "
			     "%s/1.root -o %s/2.root",
			     folder, folder, folder, folder),
			 EXIT_DONE);
}

static void what_cannot_be_built(void **state)
{
	static const struct {
		const char *name, *more;
		int expected;
	} rows[] = {
		{"no such tree", "--tree /no/such/folder", EXIT_FAILED},
		{"a tree without boot loader", "--tree " KEYS, EXIT_FAILED},
		{"no such mkfs", "--mkfs /no/such/mkfs", EXIT_FAILED},
		{"a program that makes no file system", "--mkfs true", EXIT_FAILED},
		{"no such key", "--key /no/such/key", EXIT_FAILED},
		{"a public key", "--key " KEYS "release.pub", EXIT_FAILED},
		{"level 0", "--level 0", EXIT_USAGE},
		{"level 23", "--level 23", EXIT_USAGE},
		{"frames below a chunk", "--frame-size 127", EXIT_USAGE},
		{"frames above the limit", "--frame-size 4097", EXIT_USAGE},
		{"an empty version", "--version=", EXIT_USAGE},
		{"a version that is a path", "--version ../x", EXIT_FAILED},
		{"an unknown option", "--colour", EXIT_USAGE},
	};

	(void)state;
	if (!have_mkfs)
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = build("broken", rows[i].more);

		if (r != rows[i].expected)
			fail_msg("%s: exit code %d", rows[i].name, r);
		if (shell("test -z \"$(ls -A %s/broken 2>/dev/null)\"", folder) != 0)
			fail_msg("%s: left something behind", rows[i].name);
	}
}

/* An installed slot: image at an offset in a disk file, descriptor at the slot's end. */
static void a_slot_in_a_disk_file(void **state)
{
	static struct release r;
	static struct descriptor d;
	_cleanup_fd_ int fd = -1;
	char path[64];

	(void)state;
	release_make(&r);
	d = (struct descriptor){.root_number = 1, .manifest_size = (uint32_t)r.size};
	memcpy(d.manifest, r.text, r.size);
	d.signature_size = (uint32_t)signatures_render(&r.signatures, d.signature);
	snprintf(path, sizeof(path), "%s/disk", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 8 << 20), 0);
	assert_int_equal(io_pwrite_full(fd, r.image, r.manifest.image_size, 1 << 20), 0);
	assert_int_equal(descriptor_write(fd, 1 << 20, 4 << 20, &d, NULL), 0);
	assert_int_equal(run(image_verify, "%s --offset 1048576 --size 4194304 --root " KEYS
					   "1.root",
			     path),
			 EXIT_DONE);
	assert_int_equal(run(image_inspect, "%s --offset 1048576 --size 4194304 --json", path),
			 EXIT_DONE);
	assert_int_equal(run(image_verify, "%s --offset 1048576 --root " KEYS "1.root", path),
			 EXIT_FAILED);
	assert_int_equal(run(image_verify, "%s --offset 9999999999 --root " KEYS "1.root", path),
			 EXIT_FAILED);
	assert_int_equal(io_pwrite_full(fd, "x", 1, (1 << 20) + 12345), 0);
	assert_int_equal(run(image_verify, "%s --offset 1048576 --size 4194304 --root " KEYS
					   "1.root",
			     path),
			 EXIT_FAILED);
	release_free(&r);
}

static int stream_all(const struct release *r, uint64_t size, size_t piece)
{
	struct stream stream;
	int result = stream_start(&stream, &r->manifest, NULL);

	for (uint64_t at = 0; result == 0 && at < size; at += piece)
		result = stream_feed(&stream, r->image + at,
				     size - at < piece ? (size_t)(size - at) : piece, NULL);
	if (result == 0)
		result = stream_finish(&stream, NULL);
	stream_end(&stream);
	return result;
}

/* Pieces of any size; a changed bit in file system or tree; too little and too much. */
static void streamed_images(void **state)
{
	static const size_t pieces[] = {1000, 4096, 4097, 100003, 4 << 20};
	struct release r;

	(void)state;
	release_make(&r);
	r.image = realloc(r.image, r.manifest.image_size + 1);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint64_t size = r.manifest.image_size;
		const uint64_t changes[] = {0, r.manifest.fs_size - 1, r.manifest.fs_size,
					    size - 1};

		assert_int_equal(stream_all(&r, size, pieces[i]), 0);
		assert_int_equal(stream_all(&r, size - 1, pieces[i]), -EBADMSG);
		assert_int_equal(stream_all(&r, size + 1, pieces[i]), -EBADMSG);
		for (size_t k = 0; k < sizeof(changes) / sizeof(changes[0]); k++) {
			r.image[changes[k]] ^= 1;
			assert_int_equal(stream_all(&r, size, pieces[i]), -EBADMSG);
			r.image[changes[k]] ^= 1;
		}
	}
	release_free(&r);
}

static void package_lists(void **state)
{
	static const struct {
		const char *name, *list;
		int expected;
	} rows[] = {
		{"empty", "", 0},
		{"one package", "a\t1\ta\t1\tamd64\n", 0},
		{"four fields", "a\t1\ta\t1\n", -EINVAL},
		{"six fields", "a\t1\ta\t1\tamd64\tx\n", -EINVAL},
		{"no name", "\t1\ta\t1\tamd64\n", -EINVAL},
		{"no version", "a\t\ta\t1\tamd64\n", -EINVAL},
		{"not UTF-8", "a\xff\t1\ta\t1\tamd64\n", -EINVAL},
	};
	char list[64], out[64];

	(void)state;
	snprintf(list, sizeof(list), "%s/list", folder);
	snprintf(out, sizeof(out), "%s/out.json", folder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sbom sbom = {.name = "x", .version = "1", .time = 0, .packages = list};
		struct error err = ERROR_INIT;
		int r;

		assert_int_equal(io_replace_file(list, rows[i].list, strlen(rows[i].list), 0644,
						 NULL),
				 0);
		r = sbom_write(&sbom, out, &err);
		if (r != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].name, r, err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(building_twice_gives_the_same_bytes),
		cmocka_unit_test(signing_and_verifying),
		cmocka_unit_test(signing_elsewhere),
		cmocka_unit_test(failed_builds_change_nothing),
		cmocka_unit_test(keys_and_root_documents),
		cmocka_unit_test(what_cannot_be_built),
		cmocka_unit_test(a_slot_in_a_disk_file),
		cmocka_unit_test(streamed_images),
		cmocka_unit_test(package_lists),
	};

	return cmocka_run_group_tests_name("image", tests, make_tree, remove_tree);
}
