/* PID 1's rules: what a failed gate leads to, restarts, requests on its socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bootloader/bootlog.h"
#include "bootloader/flipfs.h"
#include "bootloader/flipio.h"
#include "init/facts.h"
#include "init/supervise/child.h"
#include "init/supervise/gate.h"
#include "init/supervise/history.h"
#include "init/supervise/mounts.h"
#include "init/supervise/socket.h"
#include "init/supervise/stop.h"
#include "init/watchdog.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/io.h"

static const struct {
	const char *rule;
	bool lastresort;
	unsigned int before;
	bool other_verifies;
	enum gate_reaction reaction;
} reactions[] = {
	{"the other slot verifies: reboot, GRUB counts", false, 0, true, GATE_REBOOT},
	{"there is nowhere to go: stay up", false, 0, false, GATE_STAY_DEGRADED},
	{"a last resort reboots, whatever the other slot is", true, 0, false, GATE_REBOOT},
	{"up to the fourth in a row", true, 3, true, GATE_REBOOT},
	{"from the fifth on it stays up", true, 4, true, GATE_STAY_DEGRADED},
	{"former last resorts do not count outside one", false, 9, true, GATE_REBOOT},
};

static void test_reactions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(reactions) / sizeof(*reactions); i++) {
		print_message("  %s\n", reactions[i].rule);
		assert_int_equal(gate_decide(reactions[i].lastresort, reactions[i].before,
					     reactions[i].other_verifies),
				 reactions[i].reaction);
	}
}

static void test_backoff(void **state)
{
	uint64_t backoff = 0;

	(void)state;
	backoff = child_next_backoff(backoff, 10);
	assert_int_equal(backoff, CHILD_BACKOFF_FIRST_MS);
	backoff = child_next_backoff(backoff, 10);
	assert_int_equal(backoff, 2 * CHILD_BACKOFF_FIRST_MS);
	for (int i = 0; i < 64; i++)
		backoff = child_next_backoff(backoff, CHILD_STEADY_MS - 1);
	assert_int_equal(backoff, CHILD_BACKOFF_MAX_MS);
	assert_int_equal(child_next_backoff(backoff, CHILD_STEADY_MS), CHILD_BACKOFF_FIRST_MS);
}

static const char *ask(struct gate *gate, const char *text, bool root)
{
	static char answer[SOCKET_ANSWER_SIZE];
	char request[SOCKET_REQUEST_SIZE];

	snprintf(request, sizeof(request), "%s", text);
	socket_answer(gate, request, root, answer, sizeof(answer));
	return answer;
}

static void test_requests(void **state)
{
	static const char *const changes[] = {"reboot",
					      "poweroff",
					      "halt",
					      "gate passed",
					      "gate failed x",
					      "degraded x",
					      "mark bad",
					      "console x",
					      "watchdog 30",
					      "watchdog off",
					      "deadline 60",
					      "system-docker without options"};
	static const char *const unknown[] = {"",
					      "Status",
					      "status ",
					      "reboot now",
					      "gate",
					      "gate passed x",
					      "gate failed",
					      "gate failed ",
					      "degraded",
					      "degraded ",
					      "console",
					      "consolex y",
					      "watchdog",
					      "watchdog ",
					      "deadline",
					      "system-docker",
					      "system-docker without"};
	struct facts facts = {.slot = 'a', .version = "2026.11.0"};
	struct gate gate = {.facts = &facts};
	uint64_t deadline;

	(void)state;
	assert_string_equal(ask(&gate, "status", false),
			    "ok slot=a version=2026.11.0 gate=waiting settled=0 good=0 "
			    "condemned=0 stopping=0 degraded=");
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		assert_string_equal(ask(&gate, changes[i], false),
				    "error only root may ask PID 1 for this");
	assert_int_equal(stop_requested(), STOP_NONE);
	assert_int_equal(gate.verdict, GATE_WAITING);
	/* A person's deadline moves PID 1's own; within limits. */
	assert_string_equal(ask(&gate, "deadline 29", true), "error a deadline is 30 to 3600 s");
	assert_string_equal(ask(&gate, "deadline x", true), "error a deadline is 30 to 3600 s");
	assert_int_equal(gate.deadline_ms, 0);
	assert_string_equal(ask(&gate, "deadline 3600", true), "ok");
	assert_true(gate.deadline_ms > console_now_ms() + 3600 * 1000);
	assert_false(gate_overdue(&gate, console_now_ms() + 3600 * 1000));
	/* A manager that begins anew again and again does not push it away. */
	deadline = gate.deadline_ms;
	assert_true(gate.expected_ms > 0);
	gate.expected_ms -= 50;
	assert_string_equal(ask(&gate, "deadline 3600", true), "ok");
	assert_int_equal(gate.deadline_ms, deadline - 50);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		print_message("  '%s'\n", unknown[i]);
		assert_string_equal(ask(&gate, unknown[i], true),
				    "error PID 1 does not know this request");
	}

	assert_string_equal(ask(&gate, "system-docker without options", true),
			    "error it was given none, or has just been started");
	assert_string_equal(ask(&gate, "console a\nb\x1b[2J", true), "ok");
	assert_string_equal(ask(&gate, "degraded disk\nfull", true), "ok");
	assert_string_equal(gate.degraded, "disk full");
	assert_string_equal(ask(&gate, "poweroff", true), "ok");
	assert_string_equal(ask(&gate, "poweroff", true), "ok");
	/* The first one counts, and another one hears so. */
	assert_string_equal(ask(&gate, "reboot", true),
			    "error the machine is stopping already, for another request");
	assert_int_equal(stop_requested(), STOP_POWEROFF);
}

/* A proa-flip of its own. */
static void make_flip(struct facts *facts, const char *text)
{
	static uint8_t bytes[FLIPFS_SIZE];
	struct args args = {.menu = false};
	struct flip flip;
	FILE *file;

	snprintf(facts->flip, sizeof(facts->flip), "/tmp/proa-flip-%d", (int)getpid());
	file = fopen(facts->flip, "w");
	assert_non_null(file);
	assert_int_equal(flip_from_text(text, &flip), 0);
	flipfs_render(bytes, &flip, &args);
	assert_int_equal(fwrite(bytes, sizeof(bytes), 1, file), 1);
	fclose(file);
}

static void expect_flip(const struct facts *facts, const char *expected)
{
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state found;
	char text[FLIP_TEXT_SIZE];

	assert_int_equal(flipio_open_read(&io, facts->flip, 0, 0, NULL), 0);
	assert_int_equal(flipio_read(&io, &found, NULL), 0);
	flip_text(&found.block, text);
	assert_string_equal(text, expected);
}

/* Where the other slot has never settled, there is nowhere to go. */
static void test_mark_bad(void **state)
{
	struct facts facts = {.slot = 'a', .version = "2026.11.0", .good = true};
	struct gate gate = {.facts = &facts};

	(void)state;
	make_flip(&facts, "a,3,1,0,0,a,000000");
	assert_string_equal(ask(&gate, "mark bad", true),
			    "error mark the running slot bad refused: the other slot has never "
			    "settled");
	assert_false(gate.condemned);
	gate_leave(&gate);
	expect_flip(&facts, "a,4,1,0,0,a,000000");
	make_flip(&facts, "a,3,1,0,1,a,000000");
	assert_string_equal(ask(&gate, "mark bad", true), "ok");
	assert_true(gate.condemned);
	/* No verdict of this boot brings it back. */
	gate_leave(&gate);
	expect_flip(&facts, "b,0,0,2,1,a,000000");
	assert_string_equal(gate.degraded, "slot a was marked bad; a reboot leaves it");
	unlink(facts.flip);
}

/* A reboot before the verdict gives back the attempt that GRUB took, and none that it did not. */
static void test_impatience(void **state)
{
	static const struct {
		const char *rule, *before, *after;
		bool lastresort, unsaved;
	} rows[] = {
		{"of a trial", "b,4,1,1,0,b,000000", "b,4,1,2,0,b,000000", false, false},
		{"a last resort takes none", "a,0,0,0,1,a,000000", "a,0,0,0,1,a,000000", true,
		 false},
		{"GRUB could not count", "b,4,1,2,0,b,000000", "b,4,1,2,0,b,000000", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts facts = {.slot = rows[i].before[0],
				      .version = "2026.11.0",
				      .lastresort = rows[i].lastresort,
				      .unsaved = rows[i].unsaved};
		struct gate gate = {.facts = &facts};

		print_message("  %s\n", rows[i].rule);
		make_flip(&facts, rows[i].before);
		gate_leave(&gate);
		expect_flip(&facts, rows[i].after);
		unlink(facts.flip);
	}
}

/* It is left where there is a good slot to go to; else it is settled, and upgraded from. */
static void test_root_failed(void **state)
{
	struct facts facts = {.slot = 'a', .version = "2026.11.0"};
	struct gate one = {.facts = &facts}, other = {.facts = &facts}, pending = {.facts = &facts};

	(void)state;
	make_flip(&facts, "a,3,1,0,0,a,000000");
	gate_root_failed(&one, "dm-verity met a corrupt block");
	assert_false(one.condemned);
	assert_string_equal(one.degraded, "dm-verity met a corrupt block in slot a, and there is "
					  "no good one to go to: sudo proa upgrade");
	one.verdict = GATE_PASSED;
	gate_leave(&one);
	assert_true(one.settled);
	expect_flip(&facts, "a,4,1,0,0,a,000000");
	make_flip(&facts, "a,3,1,0,1,a,000000");
	gate_root_failed(&other, "the disk could not read a block");
	assert_true(other.condemned);
	assert_string_equal(other.degraded, "the disk could not read a block in slot a");
	other.verdict = GATE_PASSED;
	gate_leave(&other);
	assert_false(other.settled);
	expect_flip(&facts, "b,0,1,2,1,a,000000");
	/* An upgrade waits for its reboot. */
	make_flip(&facts, "b,3,1,2,0,a,000000");
	gate_root_failed(&pending, "the disk could not read a block");
	assert_string_equal(pending.degraded,
			    "the disk could not read a block in slot a; the other slot, just written, "
			    "boots next: sudo proa reboot");
	expect_flip(&facts, "b,3,1,2,0,a,000000");
	unlink(facts.flip);
}

/* A disk that does not read may not write either: it is told, and tried again. */
static void test_root_failed_with_its_disk(void **state)
{
	struct facts facts = {.slot = 'a', .version = "2026.11.0", .flip = "/nowhere/flip"};
	struct gate gate = {.facts = &facts};

	(void)state;
	gate_root_failed(&gate, "the disk could not read a block");
	assert_true(gate.condemned);
	assert_string_equal(gate.degraded, "the disk could not read a block in slot a; that the "
					   "other one boots next could not be written yet");
	make_flip(&facts, "a,3,1,0,1,a,000000");
	gate_leave(&gate);
	assert_string_equal(gate.degraded, "the disk could not read a block in slot a");
	expect_flip(&facts, "b,0,1,2,1,a,000000");
	unlink(facts.flip);
}

static void test_watchdog_request(void **state)
{
	static const struct {
		const char *request;
		bool taken;
	} cases[] = {
		{"watchdog 10", true},   {"watchdog 600", true},
		{"watchdog off", true},  {"watchdog 9", false},
		{"watchdog 601", false}, {"watchdog -30", false},
		{"watchdog +30", false}, {"watchdog 30s", false},
		{"watchdog on", false},  {"watchdog 99999999999999999999", false},
	};
	struct facts facts = {.slot = 'a', .version = "2026.11.0"};
	struct gate gate = {.facts = &facts};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("  %s\n", cases[i].request);
		assert_string_equal(
			ask(&gate, cases[i].request, true),
			cases[i].taken ? "ok" : "error a watchdog is \"off\", or has 10 to 600 s");
	}
	/* No device here: what is said is what was asked for, and only once. */
	assert_true(watchdog_describe(&facts));
	assert_string_equal(facts.watchdog, "off");
	assert_false(watchdog_describe(&facts));
	assert_false(watchdog_is_missing());
	assert_string_equal(ask(&gate, "watchdog 30", true), "ok");
	assert_true(watchdog_is_missing());
	assert_true(watchdog_describe(&facts));
	assert_string_equal(facts.watchdog, "none");
	assert_int_equal(facts.watchdog_timeout, 0);
}

static void test_watchdog_driver(void **state)
{
	static const char *const cases[][2] = {
		{"i6300ESB timer", "i6300esb"},
		{"Software Watchdog", "softdog"},
		{"iTCO_wdt", "iTCO_wdt"}, /* called as its driver */
		{"", "unknown"},
	};
	char name[FACTS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		watchdog_driver(cases[i][0], name, sizeof(name));
		assert_string_equal(name, cases[i][1]);
	}
}

static void test_overdue(void **state)
{
	static const struct {
		const char *rule;
		uint64_t deadline, now;
		enum gate_verdict verdict;
		bool stays, overdue;
	} cases[] = {
		{"no deadline yet: a long repair", 0, 1000, GATE_WAITING, false, false},
		{"in time", 1000, 1000, GATE_WAITING, false, false},
		{"no verdict in time", 1000, 1001, GATE_WAITING, false, true},
		{"failed, and still no reboot", 1000, 1001, GATE_FAILED, false, true},
		{"failed, and it stays up", 1000, 1001, GATE_FAILED, true, false},
		{"passed", 1000, 1001, GATE_PASSED, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct gate gate = {.verdict = cases[i].verdict,
				    .stays = cases[i].stays,
				    .deadline_ms = cases[i].deadline};

		print_message("  %s\n", cases[i].rule);
		assert_int_equal(gate_overdue(&gate, cases[i].now), cases[i].overdue);
	}
}

enum { NOT_POSSIBLE = 77 };

/* In a process and name spaces of its own. Returns what is wrong, 0 for nothing. */
static int mount_volumes_here(void)
{
	struct error err = ERROR_INIT;
	struct stat shown, kept;

	if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/var", "tmpfs", 0, NULL) < 0 || mkdir("/var/lib", 0755) < 0)
		return NOT_POSSIBLE;
	if (mkdir("/var/lib/proa", 0755) < 0 || mkdir("/var/lib/proa/volumes", 0755) < 0 ||
	    symlink("/nonexistent", "/var/lib/proa/volumes/home") < 0 ||
	    symlink("/nonexistent", "/var/tmp") < 0)
		return 1;
	if (mounts_volumes(&err) >= 0 || !strstr(err.message, "/home"))
		return 2;
	/* The others are there. */
	if (stat("/srv", &shown) < 0 || stat("/var/lib/proa/volumes/srv", &kept) < 0)
		return 3;
	return shown.st_dev == kept.st_dev && shown.st_ino == kept.st_ino ? 0 : 4;
}

static void test_broken_volume(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(mount_volumes_here());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_POSSIBLE)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Last resorts that came before: each row is the boots before this one, oldest first. */
struct former {
	unsigned int flags;
	enum bootlog_stage stage;
	enum bootlog_end end;
};
static const struct {
	const char *rule;
	struct former boots[5];
	unsigned int count;
} lastresorts[] = {
	{"none", {{0, BOOTLOG_SETTLED, BOOTLOG_REBOOT}}, 0},
	{"failed ones in a row",
	 {{0, BOOTLOG_ROOT, BOOTLOG_FAILED},
	  {BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_FAILED},
	  {BOOTLOG_LASTRESORT, BOOTLOG_INITRAMFS, BOOTLOG_FAILED}},
	 2},
	{"one that was reset before its gate failed too, in whatever slot",
	 {{BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_FAILED},
	  {BOOTLOG_LASTRESORT, BOOTLOG_INITRAMFS, BOOTLOG_RUNNING},
	  {BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_FAILED},
	  {BOOTLOG_LASTRESORT, BOOTLOG_STATE, BOOTLOG_RUNNING}},
	 4},
	{"one that passed its gate begins anew, however it ended",
	 {{BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_FAILED},
	  {BOOTLOG_LASTRESORT, BOOTLOG_GATE, BOOTLOG_RUNNING}},
	 0},
	{"so does an orderly end",
	 {{BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_FAILED},
	  {BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_REBOOT},
	  {BOOTLOG_LASTRESORT, BOOTLOG_ROOT, BOOTLOG_FAILED}},
	 1},
};

static void test_lastresorts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lastresorts) / sizeof(*lastresorts); i++) {
		struct facts facts = {.slot = 'a'};
		uint64_t boot = 0;
		int fd;

		print_message("  %s\n", lastresorts[i].rule);
		snprintf(facts.flip, sizeof(facts.flip), "/tmp/proa-ring.XXXXXX");
		fd = mkstemp(facts.flip);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, FLIPFS_SIZE), 0);
		for (const struct former *f = lastresorts[i].boots; f->stage; f++) {
			struct bootlog_record record = {.boot = ++boot, .sequence = 1, .slot = 'a'};

			record.flags = f->flags;
			record.stage = f->stage;
			record.end = f->end;
			assert_int_equal(bootlog_write(fd, 0, &record, NULL), 0);
		}
		facts.boot = boot + 1;
		assert_int_equal(history_failed_lastresorts(&facts), lastresorts[i].count);
		close(fd);
		unlink(facts.flip);
	}
}

/* In a process and name spaces of its own. Returns what is wrong, 0 for nothing. */
static int harvest_here(const char *before, const char *numbers)
{
	struct facts facts = {.slot = 'a', .boot = 5, .flip = "/var/ring"};
	_cleanup_free_ char *text = NULL;
	char found[64] = "";
	size_t size;
	int fd;

	if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/var", "tmpfs", 0, NULL) < 0)
		return NOT_POSSIBLE;
	fd = open("/var/ring", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, FLIPFS_SIZE) < 0 || io_make_dirs("/var/lib/proa", NULL) < 0)
		return 1;
	for (uint64_t i = 1; i <= facts.boot; i++) {
		struct bootlog_record record = {.boot = i, .sequence = 1, .slot = 'a'};

		record.stage = BOOTLOG_SETTLED;
		record.end = BOOTLOG_REBOOT;
		if (bootlog_write(fd, 0, &record, NULL) < 0)
			return 2;
	}
	/* A '0' stands for what a power cut leaves of a block that was never written. */
	fd = open(HISTORY_PATH, O_RDWR | O_CREAT, 0600);
	for (const char *p = before; *p; p++)
		if (write(fd, *p == '0' ? "" : p, 1) != 1)
			return 3;
	history_harvest(&facts);
	if (io_read_file(HISTORY_PATH, 1 << 16, &text, &size, NULL) < 0)
		return 4;
	for (size_t i = 0; i < size; i++)
		if ((i == 0 || text[i - 1] == '\n') && strncmp(text + i, "boot=", 5) == 0)
			strncat(found, text + i + 5, 1);
	if (strcmp(found, numbers) != 0)
		fprintf(stderr, "found %s, not %s\n", found, numbers);
	return strcmp(found, numbers) == 0 ? 0 : 5;
}

static void test_harvest(void **state)
{
	static const struct {
		const char *rule, *before, *numbers;
	} rows[] = {
		{"all but the boot that runs", "", "1234"},
		{"those that are not there yet", "boot=1 x\nboot=2 x\n\tlog\n", "1234"},
		{"one that a power cut has torn is written again", "boot=1 x\nboot=2 ti", "12234"},
		{"and zeros behind it hide none", "boot=1 x\nboot=2 x\n00", "1234"},
		{"nor in the middle", "boot=1 x\n00\nboot=2 x\n", "1234"},
		{"what is yet to come is another machine's", "boot=1 x\nboot=9 x\n", "19234"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = fork();
		int status;

		print_message("  %s\n", rows[i].rule);
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(harvest_here(rows[i].before, rows[i].numbers));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == NOT_POSSIBLE)
			skip();
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reactions),       cmocka_unit_test(test_lastresorts),
		cmocka_unit_test(test_harvest),         cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_requests),        cmocka_unit_test(test_mark_bad),
		cmocka_unit_test(test_impatience),
		cmocka_unit_test(test_root_failed),
		cmocka_unit_test(test_root_failed_with_its_disk),
		cmocka_unit_test(test_watchdog_request),
		cmocka_unit_test(test_watchdog_driver), cmocka_unit_test(test_overdue),
		cmocka_unit_test(test_broken_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
