/* What the installer refuses: disks, their users, cloud-configs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "installer/cloudconfig.h"
#include "installer/confirm.h"
#include "installer/efi_entry.h"
#include "installer/refuse.h"
#include "installer/report.h"
#include "lib/bytes.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/trust.h"

/* A device that nothing speaks against, but for what a row says. */
static const struct {
	const char *rule;
	int probed, opened;
	const char *part_of, *use, *kind;
	bool is_file, read_only;
	int expected;
	const char *says;
} DISKS[] = {
	{"an empty disk", 0, 0, "", "", "", false, false, 0, ""},
	{"an empty file", 0, 0, "", "", "", true, false, 0, ""},
	{"no such thing", -ENOENT, 0, "", "", "", false, false, REFUSE_NO_DISK, "lsblk -d"},
	{"unknown to the kernel", -ENXIO, 0, "", "", "", false, false, REFUSE_NO_DISK, "lsblk"},
	{"no medium", -ENOMEDIUM, 0, "", "", "", false, false, REFUSE_NO_DISK, "no medium"},
	{"a folder", -ENOTBLK, 0, "", "", "", false, false, REFUSE_NOT_A_DISK, "neither"},
	{"a locked folder", -EACCES, 0, "", "", "", false, false, REFUSE_NOT_PERMITTED, "root"},
	{"a loop of links", -ELOOP, 0, "", "", "", false, false, REFUSE_NO_DISK, "cannot look"},
	{"a partition", 0, 0, "sda", "", "", false, false, REFUSE_NOT_A_DISK, "part of sda"},
	{"a partition, mounted", 0, -EBUSY, "sda", "mounted", "", false, false, REFUSE_NOT_A_DISK,
	 "whole disk"},
	{"read-only device", 0, 0, "", "", "", false, true, REFUSE_READ_ONLY, "blockdev --setrw"},
	{"read-only file", 0, 0, "", "", "", true, true, REFUSE_READ_ONLY, "chmod"},
	{"read-only file system", 0, -EROFS, "", "", "", true, false, REFUSE_READ_ONLY, "only be"},
	{"device without root", 0, -EACCES, "", "", "", false, false, REFUSE_NOT_PERMITTED, "sudo"},
	{"somebody's file", 0, -EACCES, "", "", "", true, false, REFUSE_NOT_PERMITTED, "owner"},
	{"mounted", 0, -EBUSY, "", "/dev/x1 is mounted on /mnt; unmount it", "ext4", false, false,
	 REFUSE_IN_USE, "unmount it"},
	{"in use, though it could be opened", 0, 0, "", "swap", "", false, false, REFUSE_IN_USE,
	 "swap"},
	{"held by ZFS", 0, -EBUSY, "", "", "zfs_member", false, false, REFUSE_IN_USE,
	 "ZFS pool member"},
	{"held by btrfs", 0, -EBUSY, "", "", "btrfs", false, false, REFUSE_IN_USE, "btrfs"},
	{"held by who knows", 0, -EBUSY, "", "", "", false, false, REFUSE_IN_USE, "a program"},
	{"locked by another program", 0, -EWOULDBLOCK, "", "", "", true, false, REFUSE_IN_USE,
	 "locked"},
	{"a broken disk", 0, -EIO, "", "", "", false, false, EXIT_FAILED, "Input/output"},
};

static void test_disks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(DISKS) / sizeof(DISKS[0]); i++) {
		struct refuse_facts *facts = calloc(1, sizeof(*facts));
		struct error err = ERROR_INIT;
		int r;

		assert_non_null(facts);
		facts->asked = "/dev/x";
		facts->probed = DISKS[i].probed;
		facts->opened = DISKS[i].opened;
		facts->in_use = DISKS[i].use[0] != '\0';
		facts->disk.is_file = DISKS[i].is_file;
		facts->disk.read_only = DISKS[i].read_only;
		strcpy(facts->disk.part_of, DISKS[i].part_of);
		strcpy(facts->use, DISKS[i].use);
		strcpy(facts->content.items[0].kind, DISKS[i].kind);
		facts->content.count = DISKS[i].kind[0] ? 1 : 0;
		r = refuse_disk(facts, &err);
		if (r != DISKS[i].expected || !strstr(err.message, DISKS[i].says) ||
		    (r != 0 && !strstr(err.message, "/dev/x")))
			fail_msg("%s: %d \"%s\"", DISKS[i].rule, r, err.message);
		free(facts);
	}
}

/* A file can be made; a mistyped disk must not be. */
static void test_no_such_name(void **state)
{
	static const struct {
		const char *asked;
		bool advised;
	} rows[] = {{"disk.img", true}, {"/srv/disk.img", true}, {"/dev/sdx", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct refuse_facts *facts = calloc(1, sizeof(*facts));
		struct error err = ERROR_INIT;

		assert_non_null(facts);
		facts->asked = rows[i].asked;
		facts->probed = -ENOENT;
		assert_int_equal(refuse_disk(facts, &err), REFUSE_NO_DISK);
		assert_int_equal(!!strstr(err.message, "truncate -s"), rows[i].advised);
		free(facts);
	}
}

static void test_data(void **state)
{
	static const struct {
		const char *rule;
		struct content content;
		bool force;
		int expected;
	} rows[] = {
		{"nothing", {.count = 0}, false, 0},
		{"an empty table", {.table = "gpt"}, false, 0},
		{"a partition", {.table = "dos", .partitions = 1}, false, REFUSE_HOLDS_DATA},
		{"a file system without a table", {.count = 1}, false, REFUSE_HOLDS_DATA},
		{"unknown bytes", {.unknown = true}, false, REFUSE_HOLDS_DATA},
		{"forced", {.table = "gpt", .partitions = 6, .count = 6}, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct refuse_facts facts = {.asked = "/dev/x", .content = rows[i].content};
		struct error err = ERROR_INIT;
		int r = refuse_data(&facts, rows[i].force, &err);

		if (r != rows[i].expected || (r && !strstr(err.message, "--force")))
			fail_msg("%s: %d \"%s\"", rows[i].rule, r, err.message);
	}
}

/* A disk's labels are written by whoever had it last: they must not steer the terminal. */
static void test_labels(void **state)
{
	struct blockdev disk = {.path = "/dev/x", .model = "Mo\x1b[2Jdel", .sector_bytes = 512};
	struct content *content = calloc(1, sizeof(*content));
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(content);
	assert_non_null(out);
	content->count = 1;
	strcpy(content->items[0].kind, "ext4");
	strcpy(content->items[0].label, "a\x1b[1A\xc2\x9b"
					"2K\x7f\r\xc3\xa4\xc2\xb5");
	confirm_show_disk(out, &disk, content);
	fclose(out);
	assert_non_null(strstr(text, "Mo?[2Jdel"));
	assert_non_null(strstr(text, "\"a?[1A?2K??\xc3\xa4\xc2\xb5\""));
	free(text);
	free(content);
}

static void test_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(refuse_bundle_exit(-EBADMSG), REFUSE_DAMAGED_BUNDLE);
	assert_int_equal(refuse_bundle_exit(-ENOKEY), REFUSE_SIGNATURE);
	assert_int_equal(refuse_bundle_exit(-EKEYREJECTED), REFUSE_SIGNATURE);
	assert_int_equal(refuse_bundle_exit(-ENOEXEC), REFUSE_ARCHITECTURE);
	assert_int_equal(refuse_bundle_exit(-EOPNOTSUPP), EXIT_REFUSED);
	assert_int_equal(refuse_bundle_exit(-EIO), EXIT_FAILED);
	assert_int_equal(refuse_plan_exit(-ENOSPC), REFUSE_TOO_SMALL);
	assert_int_equal(refuse_plan_exit(-EINVAL), EXIT_USAGE);
	assert_int_equal(refuse_plan_exit(-EOPNOTSUPP), REFUSE_NOT_A_DISK);
	/* The man page lists these numbers. */
	assert_int_equal(REFUSE_NOT_PERMITTED, 10);
	assert_int_equal(REFUSE_NO_KEY, 21);
}

static FILE *file_of(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	return file;
}

static void test_mounts(void **state)
{
	static const struct {
		const char *rule, *text, *use; /* NULL: not in use */
	} rows[] = {
		{"none", "22 1 0:20 / /proc rw - proc proc rw\n", NULL},
		{"another disk", "36 22 98:1 / /data rw - ext4 /dev/none rw\n", NULL},
		{"the disk itself", "36 22 98:0 / /data rw - ext4 /dev/root rw\n", "on /data;"},
		{"a partition", "36 22 259:3 / / rw,noatime shared:1 - ext4 /dev/root rw\n",
		 "on /;"},
		{"optional fields", "36 22 98:0 / /x rw shared:1 master:2 - ext4 /dev/y rw\n",
		 "/dev/y is mounted on /x"},
		{"no optional field", "36 22 98:0 / /x rw - ext4 /dev/y rw\n", "/dev/y"},
		{"a blank in the path", "36 22 98:0 / /my\\040disk rw - ext4 /dev/y rw\n",
		 "on /my disk;"},
		{"the second line",
		 "22 1 0:20 / /proc rw - proc proc rw\n36 22 98:0 / /x rw - ext4 /dev/y rw\n",
		 "/x"},
		{"cut off", "36 22 98:0 /", NULL},
		{"not a number", "36 22 x:y / /x rw - ext4 /dev/y rw\n", NULL},
		{"empty lines", "\n\n", NULL},
	};
	const dev_t members[] = {makedev(98, 0), makedev(259, 3)};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char use[INUSE_TEXT_SIZE] = "";
		FILE *file = file_of(rows[i].text);
		bool found = inuse_in_mounts(file, members, 2, use);

		if (found != !!rows[i].use || (found && !strstr(use, rows[i].use)))
			fail_msg("%s: \"%s\"", rows[i].rule, use);
		fclose(file);
	}
}

static void test_cloud_configs(void **state)
{
	static const struct {
		const char *rule, *text;
		int expected;
		const char *says;
	} rows[] = {
		{"keys", "#cloud-config\nhostname: boat\n", 0, ""},
		{"a warning", "hostname: boat\nusers:\n  - name: ann\n", 0,
		 "c.yml:2:1: warning: users: "},
		{"a tab", "hostname: b\n\tc: d\n", -EINVAL, "c.yml:2:1: error: not YAML: "},
		{"an unknown key", "hostnames: b\n", -EINVAL, "did you mean hostname?"},
		{"two errors", "a: b\nc: d\n", -EINVAL, "c.yml:2:1: error: c: "},
		{"empty", "", -EINVAL, ""},
		{"a comment alone", "#cloud-config\n", -EINVAL, ""},
		{"a word", "hello\n", -EINVAL, "at the top must stand keys"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_problems_ struct config_problems problems = {0};
		_cleanup_free_ char *said = NULL;
		struct error err = ERROR_INIT;
		size_t size;
		FILE *stream = open_memstream(&said, &size);
		int r = cloudconfig_check("c.yml", rows[i].text, strlen(rows[i].text), &problems,
					  &err);

		config_problems_print(stream, &problems);
		fclose(stream);
		if (r != rows[i].expected || !strstr(said, rows[i].says) ||
		    (r && !strstr(err.message, "c.yml")))
			fail_msg("%s: %d \"%s\" %s", rows[i].rule, r, err.message, said);
	}
}

static void test_lets_in(void **state)
{
	static const struct {
		const char *text, *append;
		bool in;
	} rows[] = {
		{NULL, "", false},
		{"hostname: x\n", "quiet", false},
		{"ssh_authorized_keys: []\n", "", false},
		{"ssh_authorized_keys: [ssh-ed25519 AAAA x]\n", "", true},
		{"proa: {password: word}\n", "", true},
		{"rancher: {password: word}\n", "", true},
		{"proa: {autologin: off}\n", "", false},
		{"proa: {autologin: on}\n", "", true},
		{"hostname: x\n", "quiet cc.proa.autologin=true", true},
		{NULL, "cc.proa.password=word", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = rows[i].text;

		if (cloudconfig_lets_in(text, text ? strlen(text) : 0, rows[i].append) !=
		    rows[i].in)
			fail_msg("row %zu", i);
	}
}

/* Bytes as `efibootmgr -v` reads them back: UEFI 2.10 §3.1.3 and §10.3. */
static void test_efi_entry(void **state)
{
	static const uint8_t expected[] = {
		0x01, 0x00, 0x00, 0x00, 0x5e, 0x00, 'P', 0, 'r', 0, 'o', 0, 'a', 0, 0, 0,
		/* HD(2, GPT, …): partition, start, size, GUID, formats */
		0x04, 0x01, 0x2a, 0x00, 2, 0, 0, 0, 0x00, 0x18, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 2, 0,
		0, 0, 0, 0, 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb,
		0xcc, 0xdd, 0xee, 0xff, 2, 2,
		/* File(\EFI\BOOT\BOOTX64.EFI), end */
		0x04, 0x04, 0x30, 0x00, '\\', 0, 'E', 0, 'F', 0, 'I', 0, '\\', 0, 'B', 0, 'O', 0,
		'O', 0, 'T', 0, '\\', 0, 'B', 0, 'O', 0, 'O', 0, 'T', 0, 'X', 0, '6', 0, '4', 0,
		'.', 0, 'E', 0, 'F', 0, 'I', 0, 0, 0, 0x7f, 0xff, 0x04, 0x00};
	struct blockdev_partition esp = {.offset = 3 << 20, .size = 64 << 20};
	char folder[] = "/tmp/efi-test-XXXXXX", path[128], text[32], *bytes = NULL;
	uint8_t out[EFI_ENTRY_SIZE_MAX];
	const char *files[] = {"Boot0000", "Boot0001", "BootOrder"};
	size_t size;

	(void)state;
	strcpy(esp.uuid, "00112233-4455-6677-8899-aabbccddeeff");
	assert_int_equal(efi_entry_render(&esp, 512, out), sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));

	/* The first is new; the second goes in front of it. */
	assert_non_null(mkdtemp(folder));
	assert_int_equal(efi_entry_add_in(folder, &esp, 512, text, sizeof(text), NULL), 0);
	assert_string_equal(text, "Boot0000 Proa");
	assert_int_equal(efi_entry_add_in(folder, &esp, 512, text, sizeof(text), NULL), 0);
	assert_string_equal(text, "Boot0001 Proa");
	snprintf(path, sizeof(path), "%s/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", folder);
	assert_int_equal(io_read_file(path, 64, &bytes, &size, NULL), 0);
	assert_int_equal(size, 8);
	assert_memory_equal(bytes, "\x07\0\0\0\x01\0\0\0", 8);
	free(bytes);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s-8be4df61-93ca-11d2-aa0d-00e098032b8c", folder,
			 files[i]);
		assert_int_equal(unlink(path), 0);
	}
	rmdir(folder);

	strcpy(esp.uuid, "nonsense");
	assert_int_equal(efi_entry_render(&esp, 512, out), 0);
}

/* A key that was taken out of the root document must stay out. */
static void test_trust_folder(void **state)
{
	static const struct {
		const char *rule, *commands; /* in a folder, $k are the keys */
		int expected;
		uint64_t number;
		size_t keys;
	} rows[] = {
		{"none", ":", 0, 0, 0},
		{"one", "cp $k/1.root* .", 0, 1, 3},
		{"the later one alone", "cp $k/[12].root* .", 0, 2, 3},
		{"whatever their names",
		 "cp $k/2.root a.root; cp $k/2.root.sig a.root.sig; "
		 "cp $k/1.root b.root; cp $k/1.root.sig b.root.sig",
		 0, 2, 3},
		{"one that no one signed", "cp $k/1.root* $k/2.root .", -ENOENT, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char folder[] = "/tmp/trust-test-XXXXXX", command[512];
		struct trust trust = {.of_machine = false};
		struct error err = ERROR_INIT;
		int r;

		assert_non_null(mkdtemp(folder));
		snprintf(command, sizeof(command), "k=$PWD/testdata/keys; cd %s; %s", folder,
			 rows[i].commands);
		assert_int_equal(system(command), 0);
		r = trust_load_folder(folder, &trust, &err);
		if (r != rows[i].expected || trust.root.number != rows[i].number ||
		    trust.ring.count != rows[i].keys)
			fail_msg("%s: %d, number %llu, %zu keys, \"%s\"", rows[i].rule, r,
				 (unsigned long long)trust.root.number, trust.ring.count,
				 err.message);
		snprintf(command, sizeof(command), "rm -r %s", folder);
		assert_int_equal(system(command), 0);
	}
}

/* Names of files are any bytes; JSON is not. */
static void test_json(void **state)
{
	static const struct {
		const char *rule, *message, *shown;
	} rows[] = {
		{"ASCII", "plain", "plain"},
		{"nothing", "", ""},
		{"UTF-8 of all lengths", "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x9b\xb6",
		 "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x9b\xb6"},
		{"Latin-1", "b\xe4r.img", "b\xef\xbf\xbdr.img"},
		{"cut off", "b\xe2\x82", "b\xef\xbf\xbd\xef\xbf\xbd"},
		{"overlong", "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL, expected[128];
		size_t size;
		FILE *out = open_memstream(&text, &size);
		int r;

		assert_non_null(out);
		r = report_json_failure(out, 1, rows[i].message, false);
		fclose(out);
		snprintf(expected, sizeof(expected), "\"error\": \"%s\"", rows[i].shown);
		if (r != 0 || !strstr(text, expected))
			fail_msg("%s: %d %s", rows[i].rule, r, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks),         cmocka_unit_test(test_no_such_name),
		cmocka_unit_test(test_data),          cmocka_unit_test(test_labels),
		cmocka_unit_test(test_exit_codes),    cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_cloud_configs), cmocka_unit_test(test_lets_in),
		cmocka_unit_test(test_efi_entry),     cmocka_unit_test(test_trust_folder),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
