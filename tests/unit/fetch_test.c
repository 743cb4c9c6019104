/* Fetching from servers that are slow or far away: what is borne, and what is said meanwhile. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "upgrader/fetch.h"

enum { TICK_MS = 50 };

/* A server with one file, whose byte N is the lowest of N / 7. */
static struct server {
	int fd;
	char url[64];
	size_t size;
	size_t tick_bytes; /* so much every TICK_MS; 0: all at once */
	size_t cut;        /* each answer ends after so many bytes; 0: none does */
	long delay_ms;     /* before each answer */
	int forgets;       /* after so many answers it knows no ranges; 0: it always does */
	pthread_t thread;
	atomic_int at_once, most_at_once, answers; /* requests */
} server;

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static char byte_at(size_t offset)
{
	return (char)(offset / 7);
}

static void send_file(int fd, size_t from, size_t to)
{
	size_t tick = server.tick_bytes ? server.tick_bytes : 64 << 10;
	_cleanup_free_ char *bytes = malloc(tick);

	while (from < to) {
		size_t size = to - from < tick ? to - from : tick;

		for (size_t i = 0; i < size; i++)
			bytes[i] = byte_at(from + i);
		if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
			return;
		from += size;
		if (server.tick_bytes)
			pause_ms(TICK_MS);
	}
}

static void *answer(void *context);

static void *serve(void *context)
{
	pthread_t thread;
	int fd;

	(void)context;
	while ((fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		int now = atomic_fetch_add(&server.at_once, 1) + 1;

		if (now > server.most_at_once)
			server.most_at_once = now;
		pthread_create(&thread, NULL, answer, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	return NULL;
}

static void answer_request(int fd)
{
	char request[4096] = "", head[256];
	size_t used = 0, from = 0, last = server.size - 1, to;
	const char *range;
	ssize_t n;

	while (!strstr(request, "\r\n\r\n")) {
		n = recv(fd, request + used, sizeof(request) - 1 - used, 0);
		if (n <= 0)
			return;
		used += (size_t)n;
		request[used] = '\0';
	}
	range = strstr(request, "Range: bytes=");
	if (atomic_fetch_add(&server.answers, 1) >= server.forgets && server.forgets)
		range = NULL;
	if (range)
		(void)sscanf(range, "Range: bytes=%zu-%zu", &from, &last);
	to = server.cut && from + server.cut < last + 1 ? from + server.cut : last + 1;
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 %s\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\n"
		     "Connection: close\r\n\r\n",
		     range ? "206 Part" : "200 All", from, last, server.size, last + 1 - from);
	pause_ms(server.delay_ms);
	if (send(fd, head, (size_t)n, MSG_NOSIGNAL) == n)
		send_file(fd, from, to);
}

static void *answer(void *context)
{
	int fd = (int)(intptr_t)context;

	answer_request(fd);
	shutdown(fd, SHUT_RDWR);
	close(fd);
	atomic_fetch_sub(&server.at_once, 1);
	return NULL;
}

static void start(size_t size, size_t tick_bytes, size_t cut)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	server.size = size;
	server.tick_bytes = tick_bytes;
	server.cut = cut;
	server.delay_ms = 0;
	server.most_at_once = 0;
	server.forgets = 0;
	server.answers = 0;
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &length), 0);
	snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%u/file",
		 ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop(void)
{
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	while (atomic_load(&server.at_once) > 0)
		pause_ms(1);
	close(server.fd);
}

static unsigned int notices;
static char reason[256];

static void on_notice(void *context, const struct fetch_notice *notice)
{
	(void)context;
	notices++;
	snprintf(reason, sizeof(reason), "%s", notice->reason);
	assert_string_equal(notice->url, server.url);
	assert_true(notice->wait_ms > 0);
}

/* Fetches the whole file as one range. Returns fetch_stop's answer; *good: every byte was right. */
static int fetch_all(struct fetch_options *options, long reader_waits_ms, bool *good,
		     struct error *err)
{
	const struct fetch_range range = {0, server.size};
	_cleanup_free_ char *bytes = malloc(server.size);
	struct fetch *fetch;
	ssize_t n;

	notices = 0;
	options->url = server.url;
	options->notice = on_notice;
	assert_int_equal(fetch_start(options, &range, 1, &fetch, err), 0);
	pause_ms(reader_waits_ms);
	n = io_read_full(fetch_fd(fetch), bytes, server.size);
	*good = n == (ssize_t)server.size;
	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] != byte_at((size_t)i))
			*good = false;
	return fetch_stop(fetch, NULL, err);
}

/* Slower than the least rate: broken off, told, tried anew, and given up in time. */
static void test_too_slow(void **state)
{
	struct fetch_options options = {.least_rate = 1000, .slow_s = 1, .grace_s = 3};
	struct error err = ERROR_INIT;
	uint64_t begin = now_ms();
	bool good;

	(void)state;
	start(2000, 5, 0); /* 100 bytes a second: allowed are 3 s and 2 */
	assert_int_equal(fetch_all(&options, 0, &good, &err), -EREMOTEIO);
	assert_non_null(strstr(err.message, "too slow"));
	assert_non_null(strstr(err.message, "--least-rate"));
	assert_true(notices > 0);
	assert_non_null(strstr(reason, "too slow")); /* libcurl's words */
	assert_in_range(now_ms() - begin, 4000, 20000);
	stop();
}

/* Each answer brings enough, and breaks off: that would go on for as long as there are bytes. */
static void test_breaks_off_for_ever(void **state)
{
	struct fetch_options options = {.least_rate = 8 << 20, .grace_s = 1};
	struct error err = ERROR_INIT;
	uint64_t begin = now_ms();
	bool good;

	(void)state;
	start(16 << 20, 0, 128 << 10);
	assert_int_equal(fetch_all(&options, 0, &good, &err), -EREMOTEIO);
	assert_non_null(strstr(err.message, "too slow"));
	assert_in_range(now_ms() - begin, 2900, 15000);
	assert_true(notices > 1);
	stop();
}

/* A line that is slow, but not that slow, is nobody's fault. */
static void test_slow_line(void **state)
{
	struct fetch_options options = {.least_rate = 10000, .slow_s = 2, .grace_s = 5};
	struct error err = ERROR_INIT;
	bool good;

	(void)state;
	start(60000, 1000, 0); /* 20,000 bytes a second */
	assert_int_equal(fetch_all(&options, 0, &good, &err), 0);
	assert_true(good);
	assert_int_equal(notices, 0);
	stop();
}

/* A disk that is slower than the network is not the server's fault. */
static void test_slow_reader(void **state)
{
	struct fetch_options options = {.least_rate = 1 << 30, .grace_s = 1, .slow_s = 60};
	struct error err = ERROR_INIT;
	bool good;

	(void)state;
	start(4 << 20, 0, 0);
	assert_int_equal(fetch_all(&options, 2500, &good, &err), 0);
	assert_true(good);
	stop();
}

/* A server far away: the answers to several requests are on their way at a time. */
static void test_latency(void **state)
{
	enum { COUNT = 60, SIZE = 8 << 10, APART = 256 << 10, DELAY_MS = 50 };
	struct fetch_options options = {.notice = on_notice};
	struct fetch_range ranges[COUNT];
	struct error err = ERROR_INIT;
	struct fetch *fetch;
	char bytes[SIZE];
	uint64_t begin;

	(void)state;
	notices = 0;
	start(COUNT * APART, 0, 0);
	server.delay_ms = DELAY_MS;
	options.url = server.url;
	for (size_t i = 0; i < COUNT; i++)
		ranges[i] = (struct fetch_range){i * APART, SIZE};
	begin = now_ms();
	assert_int_equal(fetch_start(&options, ranges, COUNT, &fetch, &err), 0);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(io_read_full(fetch_fd(fetch), bytes, SIZE), SIZE);
		for (size_t k = 0; k < SIZE; k++)
			assert_int_equal(bytes[k], byte_at(i * APART + k));
	}
	assert_int_equal(fetch_stop(fetch, NULL, &err), 0);
	print_message("%d ranges, %d ms each: %llu ms, %d at a time\n", COUNT, DELAY_MS,
		      (unsigned long long)(now_ms() - begin), server.most_at_once);
	assert_in_range(now_ms() - begin, 0, COUNT * DELAY_MS - 500);
	assert_in_range(server.most_at_once, 3, 8);
	assert_int_equal(notices, 0);
	stop();
}

/* One of several servers behind an address may know no ranges: in the middle of several requests.
 */
static void test_forgets_ranges(void **state)
{
	(void)state;
	for (int answers = 1; answers < 9; answers++) {
		struct fetch_options options = {.grace_s = 20};
		struct error err = ERROR_INIT;
		bool good;

		start(6 << 20, 0, 0);
		server.forgets = answers;
		if (fetch_all(&options, 0, &good, &err) < 0 || !good)
			fail_msg("after %d: %s", answers, err.message);
		stop();
	}
}

/* A limit holds for all requests together, and who is held to it is not slow. */
static void test_rate_limit(void **state)
{
	static const struct {
		const char *rule;
		size_t size, tick_bytes;
		uint64_t limit, seconds;
		int least_at_once;
	} rows[] = {
		{"a low one", 300 << 10, 0, 150 << 10, 2, 1},
		{"near to it is not slow", 650000, 6500, 150000, 5, 1},
		{"over several connections", 10 << 20, 0, 5 << 20, 2, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch_options options = {.rate_limit = rows[i].limit,
						.least_rate = 1 << 30,
						.slow_s = 2,
						.grace_s = 1};
		struct error err = ERROR_INIT;
		uint64_t begin = now_ms(), took;
		bool good;

		start(rows[i].size, rows[i].tick_bytes, 0);
		server.delay_ms = 10;
		assert_int_equal(fetch_all(&options, 0, &good, &err), 0);
		took = now_ms() - begin;
		if (!good || took < rows[i].seconds * 1000 - 400 || took > rows[i].seconds * 3000 ||
		    notices || server.most_at_once < rows[i].least_at_once)
			fail_msg("%s: %llu ms, %d at a time, %u notices", rows[i].rule,
				 (unsigned long long)took, server.most_at_once, notices);
		stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_slow),   cmocka_unit_test(test_breaks_off_for_ever),
		cmocka_unit_test(test_slow_line),  cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_latency),    cmocka_unit_test(test_forgets_ranges),
		cmocka_unit_test(test_rate_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
