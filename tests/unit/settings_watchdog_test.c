/* What the configuration says of the watchdog is told to PID 1, or said not to be. */
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

#include "init/services/settings_watchdog.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static char folder[] = "/tmp/watchdog_test.XXXXXX";

/* A PID 1 that keeps one request in the file "asked". */
static pid_t serve(const char *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), client;
	char request[64] = "";
	pid_t pid;

	unlink("sock");
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0) {
		client = accept(fd, NULL, NULL);
		if (recv(client, request, sizeof(request) - 1, 0) > 0) {
			io_replace_file("asked", request, strlen(request), 0600, NULL);
			send(client, answer, strlen(answer), MSG_NOSIGNAL);
		}
		_exit(0);
	}
	close(fd);
	return pid;
}

static void put(const char *text)
{
	FILE *file = fopen("conf/a.yml", "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_told(void **state)
{
	static const struct {
		const char *rule, *text, *request, *answer, *problems;
	} cases[] = {
		{"the default", "{}\n", "watchdog 120", "ok", ""},
		{"minutes are seconds to PID 1", "proa: {watchdog: {timeout: 2m}}\n",
		 "watchdog 120", "ok", ""},
		{"switched off", "proa: {watchdog: {enabled: no, timeout: 2m}}\n", "watchdog off",
		 "ok", ""},
		{"what is in error is left out", "proa: {watchdog: {timeout: 5s}}\n", "watchdog 120",
		 "ok",
		 "conf/a.yml:1:19: error: proa.watchdog.timeout: \"5s\" is not a time from 10s to "
		 "10m, with its unit (s, m or h)\n"},
		{"a refusal is a problem", "proa: {watchdog: {timeout: 20s}}\n", "watchdog 20",
		 "error no", "conf/a.yml:1:19: error: proa.watchdog: PID 1 refuses: no\n"},
	};
	static const struct config_sources sources = {.folder = "conf", .defaults = true};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_whole_config_ struct config config = {0};
		_cleanup_free_ char *asked = NULL, *said = NULL;
		pid_t pid = serve(cases[i].answer);
		size_t size;
		FILE *out = open_memstream(&said, &size);

		print_message("  %s\n", cases[i].rule);
		put(cases[i].text);
		assert_int_equal(config_load(&sources, &config, NULL), 0);
		assert_int_equal(settings_watchdog(&config, "sock"), 0);
		waitpid(pid, NULL, 0);
		assert_int_equal(io_read_file("asked", 64, &asked, &size, NULL), 0);
		assert_string_equal(asked, cases[i].request);
		config_problems_print(out, &config.problems);
		fclose(out);
		assert_string_equal(said, cases[i].problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
	};
	_cleanup_free_ char *command = NULL;
	int r;

	if (!mkdtemp(folder) || chdir(folder) < 0 || mkdir("conf", 0700) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (asprintf(&command, "rm -rf %s", folder) < 0 || system(command) != 0)
		return 1;
	return r;
}
