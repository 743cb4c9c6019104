/* The records that `proa status` reads, and what it makes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/status.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/fields.h"
#include "lib/io.h"
#include "lib/request.h"
#include "lib/upgrades.h"

static char folder[] = "/tmp/status-test-XXXXXX";
static char boot[64], services[64], upgrades[64], sock[64];

static void test_fields(void **state)
{
	static const char text[] =
		"a=1\nno "
		"equals\nb=\nc=x=y\nd=\0hidden\na=2\n=e\nf=18446744073709551616\ng=-1\nlast=z";
	struct fields fields = {0};
	const char *at = NULL, *value;
	unsigned count = 0;

	(void)state;
	assert_int_equal(fields_parse(text, sizeof(text) - 1, &fields, NULL), 0);
	assert_string_equal(fields_get(&fields, "a"), "1");
	assert_string_equal(fields_get(&fields, "b"), "");
	assert_string_equal(fields_get(&fields, "c"), "x=y");
	assert_string_equal(fields_get(&fields, ""), "e");
	assert_string_equal(fields_get(&fields, "last"), "z");
	assert_null(fields_get(&fields, "d")); /* a NUL in the line: no line */
	assert_null(fields_get(&fields, "no equals"));
	assert_int_equal(fields_get_number(&fields, "a", 7), 1);
	assert_int_equal(fields_get_number(&fields, "b", 7), 7);
	assert_int_equal(fields_get_number(&fields, "f", 7), 7);
	assert_int_equal(fields_get_number(&fields, "g", 7), 7);
	while (fields_next(&fields, &at, &value))
		count++;
	assert_int_equal(count, 8);
	fields_free(&fields);
	assert_int_equal(fields_parse("", 0, &fields, NULL), 0);
	assert_null(fields_get(&fields, "a"));
	fields_free(&fields);
}

/* A PID 1 that gives one answer. */
static pid_t serve(const char *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), client;
	char request[REQUEST_LINE_MAX];
	pid_t pid;

	unlink(sock);
	strcpy(address.sun_path, sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	client = accept(fd, NULL, NULL);
	if (recv(client, request, sizeof(request), 0) > 0)
		send(client, answer, strlen(answer), MSG_NOSIGNAL);
	_exit(0);
}

static void test_pid1(void **state)
{
	static const struct {
		const char *says;
		int result;
		const char *answer;
	} rows[] = {
		{"ok", 0, ""},
		{"ok\n", 0, ""},
		{"ok slot=a", 0, "slot=a"},
		{"error only root may", -EPROTO, "PID 1 refuses: only root may"},
		{"okay", -EPROTO, "PID 1 refuses: okay"},
		{"rubbish", -EPROTO, "PID 1 refuses: rubbish"},
	};
	char answer[REQUEST_LINE_MAX];

	(void)state;
	unlink(sock);
	assert_int_equal(request_pid1(sock, "x", NULL, 0, NULL), -ENOENT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = serve(rows[i].says);
		struct error err = ERROR_INIT;

		assert_int_equal(request_pid1(sock, "x", answer, sizeof(answer), &err),
				 rows[i].result);
		assert_string_equal(rows[i].result < 0 ? err.message : answer, rows[i].answer);
		waitpid(pid, NULL, 0);
	}
	assert_int_equal(request_pid1(sock, "x", NULL, 0, NULL), -ECONNREFUSED);
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(io_replace_file(path, text, strlen(text), 0644, NULL), 0);
}

static void test_phase(void **state)
{
	static const struct {
		const char *pid1, *services; /* the service manager's lines */
		int good;
		const char *phase, *degraded;
	} rows[] = {
		{"gate=waiting settled=0 stopping=0 degraded=", "degraded=x\n", 0, "trial", NULL},
		{"gate=waiting settled=0 stopping=0 degraded=", "", 1, "starting", NULL},
		{"gate=passed settled=0 stopping=0 degraded=", "", 0, "passed", NULL},
		{"gate=passed settled=1 stopping=0 degraded=", "", 0, "good", NULL},
		{"gate=passed settled=1 stopping=0 degraded=", "degraded=a b\n", 0, "degraded",
		 "a b"},
		{"gate=passed settled=1 stopping=0 degraded=a bad block", "", 0, "degraded",
		 "a bad block"},
		/* PID 1 still holds what the service manager once told and is over. */
		{"gate=passed settled=1 stopping=0 degraded=a b", "told=a b\n", 0, "good", NULL},
		/* And what it held of that, where it was too long for it. */
		{"gate=passed settled=1 stopping=0 degraded=service a: a long",
		 "told=service a: a long story\n", 0, "good", NULL},
		{"gate=passed settled=1 stopping=0 degraded=a b c", "told=a b\n", 0, "degraded",
		 "a b c"},
		{"gate=passed settled=1 stopping=1 degraded=x", "", 0, "stopping", "x"},
		{"gate=failed settled=0 stopping=0 degraded=x", "degraded=y\n", 0, "degraded",
		 "x; y"},
		{"gate=passed settled=0 stopping=0 degraded=y", "degraded=y\n", 0, "degraded", "y"},
	};
	const struct status_paths paths = {.boot = boot,
					   .services = services,
					   .upgrades = upgrades,
					   .init_socket = sock,
					   .keys = "/nonexistent",
					   .keys_seen = "/nonexistent"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_json_ json_t *status = NULL;
		char text[256];
		pid_t pid;

		snprintf(text, sizeof(text), "slot=a\nversion=1\ngood=%d\n", rows[i].good);
		write_text(boot, text);
		write_text(services, rows[i].services);
		snprintf(text, sizeof(text), "ok slot=a version=1 %s", rows[i].pid1);
		pid = serve(text);
		assert_int_equal(status_gather(&paths, &status, NULL), 0);
		waitpid(pid, NULL, 0);
		assert_string_equal(json_string_value(json_object_get(status, "phase")),
				    rows[i].phase);
		if (rows[i].degraded)
			assert_string_equal(json_string_value(json_object_get(status, "degraded")),
					    rows[i].degraded);
		assert_int_equal(status_is_degraded(status), rows[i].degraded != NULL);
	}
}

/* Nothing else is there: what is known is told all the same. */
static void test_half_an_answer(void **state)
{
	const struct status_paths paths = {.boot = boot,
					   .services = services,
					   .upgrades = upgrades,
					   .init_socket = sock,
					   .keys = "/nonexistent",
					   .keys_seen = "/nonexistent"};
	_cleanup_json_ json_t *status = NULL;
	_cleanup_free_ char *text = NULL;
	struct error err = ERROR_INIT;
	size_t size;
	FILE *out;

	(void)state;
	unlink(boot);
	unlink(sock);
	assert_int_equal(status_gather(&paths, &status, &err), -ENOENT);
	assert_non_null(strstr(err.message, "does not run Proa"));
	write_text(boot, "slot=b\nversion=7\nflip=/nonexistent/flip\nslot_a=/dev/null\nfellback=1\n"
			 "watchdog=i6300esb\nwatchdog_timeout=30\n");
	write_text(services,
		   "gate=passed\nuser_docker=silent\nservice.a=down\n"
		   "service.a.restarts=3\nservice.a.reason=exit code 1\nservice.b=running\n");
	assert_int_equal(status_gather(&paths, &status, NULL), 0);
	out = open_memstream(&text, &size);
	status_print(out, status);
	fclose(out);
	assert_non_null(strstr(text, "Proa 7 in slot b: "));
	assert_non_null(strstr(text, "Fell back"));
	assert_non_null(strstr(text, "cannot reach PID 1"));
	assert_non_null(strstr(text, "Slot b (runs)"));
	assert_non_null(strstr(text, "/nonexistent/flip"));
	assert_non_null(strstr(text, "Watchdog        i6300esb, resets after 30 s\n"));
	assert_non_null(strstr(text, "down, 3 restarts: exit code 1\n"));
	assert_non_null(strstr(text, "  b             running\n"));
	assert_null(strstr(text, "Last upgrade"));
}

/* The last upgrade is told, also where neither slot can be read. */
static void test_upgrade(void **state)
{
	const struct status_paths paths = {.boot = boot,
					   .services = services,
					   .upgrades = upgrades,
					   .init_socket = sock,
					   .keys = "/nonexistent",
					   .keys_seen = "/nonexistent"};
	struct upgrades_event event = {
		.kind = UPGRADES_FAILED,
		.time = 1,
		.slot = 'b',
		.version = "7.1",
		.root_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		.fetched = 2 << 20,
		.reused = 5 << 20,
		.unattended = true,
		.text = "the disk is on fire",
	};
	_cleanup_json_ json_t *status = NULL;
	_cleanup_free_ char *text = NULL;
	const json_t *told;
	size_t size;
	FILE *out;

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_int_equal(upgrades_add(upgrades, &event, NULL), 0);
	assert_int_equal(status_gather(&paths, &status, NULL), 0);
	told = json_object_get(status, "upgrade");
	assert_string_equal(json_string_value(json_object_get(told, "event")), "failed");
	assert_int_equal(json_integer_value(json_object_get(told, "bytes_reused")), 5 << 20);
	out = open_memstream(&text, &size);
	status_print(out, status);
	fclose(out);
	assert_non_null(strstr(text,
			       "Last upgrade    1970-01-01T00:00:01+0000: the upgrade to Proa "
			       "7.1 in slot b failed, unattended; 2.0 MiB fetched, 5.0 MiB "
			       "reused: the disk is on fire\n"));
	json_decref(status);
	status = NULL;
	/* One that cannot be read is said in its place. */
	assert_int_equal(unlink(upgrades), 0);
	assert_int_equal(mkdir(upgrades, 0755), 0);
	assert_int_equal(status_gather(&paths, &status, NULL), 0);
	told = json_object_get(status, "upgrade");
	assert_non_null(json_object_get(told, "error"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),  cmocka_unit_test(test_pid1),
		cmocka_unit_test(test_phase),   cmocka_unit_test(test_half_an_answer),
		cmocka_unit_test(test_upgrade),
	};
	char command[128];
	int r;

	if (!mkdtemp(folder))
		return 1;
	snprintf(boot, sizeof(boot), "%s/boot", folder);
	snprintf(services, sizeof(services), "%s/status", folder);
	snprintf(upgrades, sizeof(upgrades), "%s/upgrades", folder);
	snprintf(sock, sizeof(sock), "%s/init.sock", folder);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? r : 1;
}
