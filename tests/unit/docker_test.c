/* The Docker API client, against a daemon of a few lines that answers what a test tells it to. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/docker/docker.h"

static char path[] = "/tmp/docker-test-XXXXXX";

static int listen_here(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(path);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* A daemon that gives one answer, byte for byte, where the request begins with `wants`. */
static pid_t serve(const char *wants, const char *answer)
{
	int fd = listen_here();
	pid_t pid = fork();
	char request[4096];
	ssize_t size;
	int client;

	if (pid) {
		close(fd);
		return pid;
	}
	client = accept(fd, NULL, NULL);
	size = recv(client, request, sizeof(request) - 1, 0);
	request[size > 0 ? size : 0] = '\0';
	if (strncmp(request, wants, strlen(wants)) != 0)
		answer = "HTTP/1.1 500 x\r\nContent-Length: 24\r\n\r\n{\"message\":\"not wanted\"}";
	send(client, answer, strlen(answer), MSG_NOSIGNAL);
	_exit(0);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

static void test_call(void **state)
{
	static const struct {
		const char *rule, *answer;
		int result;
		const char *says; /* in the message, or the value of "a" */
	} rows[] = {
		{"an object", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}", 200,
		 "b"},
		{"a NUL, and what looks like one",
		 "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"a\":\"\\\\u0000\\u0000\\n\"}",
		 200, "\\u0000\xef\xbf\xbd\n"},
		{"in chunks",
		 "HTTP/1.1 201 OK\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n4\r\n{\"a\"\r\n5\r\n:\"c\"}\r\n0\r\n\r\n",
		 201, "c"},
		{"nothing", "HTTP/1.1 204 No Content\r\n\r\n", 204, NULL},
		{"no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 200, NULL},
		{"not found", "HTTP/1.1 404 x\r\nContent-Length: 17\r\n\r\n{\"message\":\"gone\"",
		 -ENOENT, "GET /x: refused (404)"},
		{"conflict", "HTTP/1.1 409 x\r\nContent-Length: 18\r\n\r\n{\"message\":\"taken\"}",
		 -EPROTO, "refused (409)"},
		{"conflict, with its words",
		 "HTTP/1.1 409 x\r\nContent-Length: 19\r\n\r\n{\"message\":\"taken\"}", -EPROTO,
		 "GET /x: taken (409)"},
		{"cut short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\"", -EIO,
		 "no answer"},
		{"no HTTP", "hello\r\n\r\n", -EIO, "no answer"},
		{"closed without a word", "", -EIO, "no answer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = serve("GET /v1.44/x HTTP/1.1\r\n", rows[i].answer);
		_cleanup_json_ json_t *body = NULL;
		struct error err = ERROR_INIT;
		const char *value;

		print_message("  %s\n", rows[i].rule);
		assert_int_equal(docker_call(path, "GET", "/x", NULL, 5000, &body, &err),
				 rows[i].result);
		value = json_string_value(json_object_get(body, "a"));
		if (rows[i].result < 0)
			value = err.message;
		if (rows[i].says)
			assert_non_null(strstr(value, rows[i].says));
		else
			assert_null(value);
		end(pid);
	}
}

static void test_nobody_there(void **state)
{
	struct error err = ERROR_INIT;
	int fd;

	(void)state;
	unlink(path);
	assert_int_equal(docker_call(path, "GET", "/x", NULL, 1000, NULL, &err), -ECONNREFUSED);
	/* Bound, but not answering: the request waits until its time is over. */
	fd = listen_here();
	assert_int_equal(docker_call(path, "GET", "/x", NULL, 100, NULL, &err), -ETIMEDOUT);
	close(fd);
	unlink(path);
}

static void test_post(void **state)
{
	_cleanup_json_ json_t *body = json_pack("{s:s}", "k", "v");
	pid_t pid = serve("POST /v1.44/y HTTP/1.1\r\n", "HTTP/1.1 204 x\r\n\r\n");

	(void)state;
	assert_int_equal(docker_call(path, "POST", "/y", body, 5000, NULL, NULL), 204);
	end(pid);
}

struct seen {
	char lines[256];
	int ends;
	int result;
};

static void line(void *data, const json_t *json)
{
	strcat(((struct seen *)data)->lines, json_string_value(json_object_get(json, "n")));
}

static void ended(void *data, const struct docker_reply *reply)
{
	struct seen *seen = data;

	seen->ends++;
	seen->result = reply->result;
}

/* Lines come as they come: cut anywhere, several at once, with rubbish in between. */
static void test_stream(void **state)
{
	pid_t pid =
		serve("GET /v1.44/events", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
					   "5\r\n{\"n\":\r\n"
					   "19\r\n\"a\"}\n{\"n\":\"b\"}\n{\"x\":1,\"n\"\r\n"
					   "14\r\n:\"c\"}\nrubbish\n{\"n\":\"\r\n"
					   "4\r\nd\"}\n\r\n"
					   "0\r\n\r\n");
	struct docker_loop *loop = docker_loop_new(NULL);
	struct seen seen = {0};
	struct docker_query query = {.socket = path,
				     .method = "GET",
				     .path = "/events",
				     .line = line,
				     .done = ended,
				     .data = &seen};

	(void)state;
	assert_int_equal(docker_send(loop, &query, NULL, NULL), 0);
	for (int i = 0; i < 50 && !seen.ends; i++)
		assert_int_equal(docker_loop_wait(loop, NULL, 0, 100, NULL), 0);
	assert_string_equal(seen.lines, "abcd");
	assert_int_equal(seen.ends, 1);
	assert_int_equal(seen.result, 0);
	docker_loop_free(loop);
	end(pid);
}

static void test_cancel(void **state)
{
	struct docker_loop *loop = docker_loop_new(NULL);
	struct docker_request *request;
	struct seen seen = {0};
	struct docker_query query = {
		.socket = path, .method = "GET", .path = "/x", .done = ended, .data = &seen};
	struct pollfd fds[20] = {{0}};
	int fd = listen_here();

	(void)state;
	assert_int_equal(docker_send(loop, &query, &request, NULL), 0);
	assert_int_equal(docker_loop_wait(loop, NULL, 0, 20, NULL), 0);
	docker_cancel(request);
	docker_cancel(NULL);
	assert_int_equal(docker_send(loop, &query, NULL, NULL), 0);
	assert_int_equal(docker_loop_wait(loop, fds, 20, 0, NULL), -EINVAL);
	docker_loop_free(loop); /* with one under way */
	assert_int_equal(seen.ends, 0);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),   cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_post),   cmocka_unit_test(test_stream),
		cmocka_unit_test(test_cancel),
	};

	close(mkstemp(path));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
