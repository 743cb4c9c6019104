/* Which modules a modalias or a name asks for, and in which order they are loaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/boot/modules.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static const char DEP[] = "kernel/a/virtio_blk.ko:\n"
			  "kernel/a/dm-mod.ko:\n"
			  "kernel/a/reed_solomon.ko:\n"
			  "kernel/a/dm-bufio.ko: kernel/a/dm-mod.ko\n"
			  "kernel/a/dm-verity.ko: kernel/a/reed_solomon.ko kernel/a/dm-bufio.ko "
			  "kernel/a/dm-mod.ko\n"
			  "kernel/a/crc32c_generic.ko.xz:\n"
			  "kernel/a/crc32c-intel.ko.xz:\n"
			  "kernel/a/jbd2.ko:\n"
			  "kernel/a/ext4.ko: kernel/a/jbd2.ko\n"
			  "kernel/a/one.ko:\nkernel/a/two.ko:\n"
			  "kernel/a/broken.ko:\nkernel/a/on_broken.ko: kernel/a/broken.ko\n"
			  "kernel/a/torn.ko: kernel/a/absent.ko\n";
static const char ALIAS[] =
	"# Aliases extracted from modules themselves.\n"
	"alias virtio:d00000002v* virtio_blk\n"
	"alias pci:v*d*sv*sd*bc01sc06i01* ext4\n"
	"alias cpu:type:x86,ven*fam*mod*:feature:*0094* crc32c_intel\n"
	"alias crypto-crc32c crc32c_intel\n"
	"alias crypto-crc32c crc32c_generic\n"
	"alias usb:v[0-9]* one\n"
	"alias virtio:d00000009v* left_out\n";
static const char SOFTDEP[] = "softdep ext4 pre: crypto-crc32c\n"
			      "softdep one pre: two post: reed-solomon\n"
			      "softdep two pre: one\n";

static struct log {
	char text[512];
} loaded;

static int insert(void *context, const char *path)
{
	struct log *log = context;
	const char *name = strrchr(path, '/') + 1;
	size_t used = strlen(log->text);

	if (strcmp(name, "broken.ko") == 0)
		return -ENOEXEC;
	snprintf(log->text + used, sizeof(log->text) - used, "%s%.*s", used ? " " : "",
		 (int)strcspn(name, "."), name);
	return 0;
}

static struct modules *open_modules(const char *dep, const char *alias, const char *softdep)
{
	char folder[] = "/tmp/modalias_test.XXXXXX";
	struct modules *modules = NULL;
	const struct {
		const char *name, *text;
	} files[] = {
		{"modules.dep", dep}, {"modules.alias", alias}, {"modules.softdep", softdep}};
	char path[128];
	int r;

	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < 3; i++) {
		if (!files[i].text)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		assert_int_equal(io_replace_file(path, files[i].text, strlen(files[i].text), 0600,
						 NULL), 0);
	}
	r = modules_open(folder, &modules, NULL);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		unlink(path);
	}
	rmdir(folder);
	if (r < 0)
		return NULL;
	memset(&loaded, 0, sizeof(loaded));
	modules_set_insert(modules, insert, &loaded);
	return modules;
}

static const struct {
	const char *rule, *name;
	int result;
	const char *order;
} names[] = {
	{"dependencies first, the last of the line before all", "dm-verity", 0,
	 "dm-mod dm-bufio reed_solomon dm-verity"},
	{"blanks and underscores are the same", "dm_verity", 0,
	 "dm-mod dm-bufio reed_solomon dm-verity"},
	{"a softdep that is an alias means all its modules", "ext4", 0,
	 "crc32c-intel crc32c_generic jbd2 ext4"},
	{"softdeps in a ring end; post comes after", "one", 0, "two one reed_solomon"},
	{"a module without a file", "left_out", -ENOENT, ""},
	{"a part of a name is no name", "virtio", -ENOENT, ""},
	{"a module that the kernel refuses", "broken", -ENOEXEC, ""},
	{"what it needs is refused", "on_broken", -ENOEXEC, ""},
	{"what it needs is missing", "torn", -ENOENT, ""},
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_modules_ struct modules *modules = open_modules(DEP, ALIAS, SOFTDEP);
		struct error err = ERROR_INIT;

		print_message("  %s\n", names[i].rule);
		assert_int_equal(modules_load(modules, names[i].name, &err), names[i].result);
		assert_string_equal(loaded.text, names[i].order);
		if (names[i].result < 0)
			assert_non_null(strstr(err.message, names[i].name));
		/* Asked for again: nothing is loaded twice. */
		assert_int_equal(modules_load(modules, names[i].name, NULL), names[i].result);
		assert_string_equal(loaded.text, names[i].order);
	}
}

static const struct {
	const char *rule, *modalias, *order;
	int count;
} aliases[] = {
	{"a device and its driver", "virtio:d00000002v00001AF4", "virtio_blk", 1},
	{"another bus with the same numbers", "virtix:d00000002v00001AF4", "", 0},
	{"stars in between", "pci:v00008086d00002922sv1sd2bc01sc06i01",
	 "crc32c-intel crc32c_generic jbd2 ext4", 4},
	{"a class that is not meant", "pci:v00008086d00002922sv1sd2bc01sc06i02", "", 0},
	{"a feature of the processor",
	 "cpu:type:x86,ven0000fam0006mod0006:feature:,0000,0094,0099", "crc32c-intel", 1},
	{"a range of characters", "usb:v5", "two one reed_solomon", 3},
	{"outside the range", "usb:vX", "", 0},
	{"a driver that this image leaves out", "virtio:d00000009v00001AF4", "", 0},
	{"nothing", "", "", 0},
};

static void test_aliases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
		_cleanup_modules_ struct modules *modules = open_modules(DEP, ALIAS, SOFTDEP);

		print_message("  %s\n", aliases[i].rule);
		assert_int_equal(modules_load_alias(modules, aliases[i].modalias), aliases[i].count);
		assert_string_equal(loaded.text, aliases[i].order);
		assert_int_equal(modules_load_alias(modules, aliases[i].modalias), 0);
	}
}

/* Files as no depmod writes them: no crash, and what can be understood is. */
static void test_broken_files(void **state)
{
	static const struct {
		const char *dep, *alias, *softdep;
		int result;
	} files[] = {
		{"kernel/x.ko:", "alias", "softdep", 0},
		{"kernel/x.ko:\n\n:\nno colon\n", "alias \nalias x\nalias x  \n", "softdep x\n", 0},
		{"kernel/x.ko: kernel/x.ko\n", "alias x x\n", "softdep x pre: x x post:\n", 0},
		{"", "", "", -ENOENT},
		{"kernel/x\n", NULL, NULL, -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		_cleanup_modules_ struct modules *modules =
			open_modules(files[i].dep, files[i].alias, files[i].softdep);

		assert_non_null(modules);
		assert_int_equal(modules_load(modules, "x", NULL), files[i].result);
	}
	assert_null(open_modules(NULL, ALIAS, SOFTDEP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_broken_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
