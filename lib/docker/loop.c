#include "lib/docker/docker.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

struct docker_request {
	struct docker_loop *loop;
	struct docker_request *next;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	char *name; /* "METHOD PATH", for messages */
	char *answer;
	size_t answer_used, answer_room;
	docker_line line;
	docker_done done;
	void *data;
	bool overflow;
	char failure[CURL_ERROR_SIZE];
};

struct docker_loop {
	CURLM *multi;
	struct docker_request *requests;
};

enum { FDS_MAX = 16 };

struct docker_loop *docker_loop_new(struct error *err)
{
	struct docker_loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		error_oom(err);
		return NULL;
	}
	/* NOTHING: no TLS is spoken here, and setting it up costs a boot time. */
	if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK)
		loop->multi = curl_multi_init();
	if (!loop->multi) {
		error_set(err, -ENOMEM, "cannot start libcurl");
		free(loop);
		return NULL;
	}
	return loop;
}

static void request_free(struct docker_request *request)
{
	if (!request)
		return;
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	free(request->body);
	free(request->name);
	free(request->answer);
	free(request);
}

static void unlink_request(struct docker_request *request)
{
	struct docker_request **at = &request->loop->requests;

	while (*at && *at != request)
		at = &(*at)->next;
	if (*at)
		*at = request->next;
	curl_multi_remove_handle(request->loop->multi, request->easy);
}

void docker_cancel(struct docker_request *request)
{
	if (!request)
		return;
	unlink_request(request);
	request_free(request);
}

void docker_loop_free(struct docker_loop *loop)
{
	if (!loop)
		return;
	while (loop->requests)
		docker_cancel(loop->requests);
	curl_multi_cleanup(loop->multi);
	free(loop);
}

static int answer_append(struct docker_request *request, const char *data, size_t size)
{
	size_t needed;

	if (__builtin_add_overflow(request->answer_used, size + 1, &needed) ||
	    needed > DOCKER_REPLY_MAX) {
		request->overflow = true;
		return -EFBIG;
	}
	if (needed > request->answer_room) {
		size_t room = request->answer_room ? request->answer_room : 1024;
		char *bigger;

		while (room < needed)
			room *= 2;
		bigger = realloc(request->answer, room);
		if (!bigger)
			return -ENOMEM;
		request->answer = bigger;
		request->answer_room = room;
	}
	memcpy(request->answer + request->answer_used, data, size);
	request->answer_used += size;
	request->answer[request->answer_used] = '\0';
	return 0;
}

/* A label may hold "\u0000", which jansson refuses with all that stands around it. */
static void replace_nul(char *json, size_t size)
{
	for (size_t i = 0; i + 6 <= size; i++) {
		if (json[i] != '\\')
			continue;
		if (memcmp(json + i, "\\u0000", 6) == 0)
			memcpy(json + i, "\\ufffd", 6);
		i++; /* what is escaped: another backslash, perhaps */
	}
}

/* Hands out the whole lines of a stream and keeps the rest for later. */
static void stream_lines(struct docker_request *request)
{
	char *start = request->answer;
	char *end;

	while ((end = memchr(start, '\n',
			     request->answer_used - (size_t)(start - request->answer)))) {
		json_t *line;

		replace_nul(start, (size_t)(end - start));
		line = json_loadb(start, (size_t)(end - start), 0, NULL);
		if (line)
			request->line(request->data, line);
		json_decref(line);
		start = end + 1;
	}
	request->answer_used -= (size_t)(start - request->answer);
	memmove(request->answer, start, request->answer_used);
}

static size_t receive(char *data, size_t unit, size_t count, void *pointer)
{
	struct docker_request *request = pointer;
	size_t size = unit * count;

	if (answer_append(request, data, size) < 0)
		return 0; /* makes libcurl end the transfer */
	if (request->line && size > 0)
		stream_lines(request);
	return size;
}

static int set_options(struct docker_request *request, const struct docker_query *query)
{
	CURL *easy = request->easy;
	_cleanup_free_ char *url = NULL;
	CURLcode c = CURLE_OK;

	if (asprintf(&url, "http://docker" DOCKER_API "%s", query->path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	c |= curl_easy_setopt(easy, CURLOPT_URL, url);
	c |= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, query->socket);
	c |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, query->method);
	c |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	c |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	c |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)query->timeout_ms);
	c |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
	c |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	c |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->failure);
	c |= curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	if (strcmp(query->method, "POST") == 0) {
		/* "Expect:" empty: no round trip before the body. */
		request->headers =
			curl_slist_append(request->headers, "Content-Type: application/json");
		request->headers = curl_slist_append(request->headers, "Expect:");
		request->body = query->body ? json_dumps(query->body, JSON_COMPACT) : strdup("");
		if (!request->headers || !request->body)
			return -ENOMEM;
		c |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
		c |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
		c |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
		c |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	}
	return c == CURLE_OK ? 0 : -ENOMEM;
}

int docker_send(struct docker_loop *loop, const struct docker_query *query,
		struct docker_request **out, struct error *err)
{
	struct docker_request *request = calloc(1, sizeof(*request));

	if (!request)
		return error_oom(err);
	request->loop = loop;
	request->line = query->line;
	request->done = query->done;
	request->data = query->data;
	request->easy = curl_easy_init();
	if (asprintf(&request->name, "%s %s", query->method, query->path) < 0)
		request->name = NULL;
	if (!request->easy || !request->name || set_options(request, query) < 0 ||
	    curl_multi_add_handle(loop->multi, request->easy) != CURLM_OK) {
		request_free(request);
		return error_oom(err);
	}
	request->next = loop->requests;
	loop->requests = request;
	if (out)
		*out = request;
	return 0;
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void finish(struct docker_request *request, CURLcode code)
{
	struct docker_reply reply = {.text = ""};
	char text[ERROR_MESSAGE_SIZE];
	json_t *body = NULL;
	const char *why;

	unlink_request(request);
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	if (code != CURLE_OK) {
		reply.result = request->overflow ? -EFBIG : errno_of(code);
		why = request->overflow     ? "the answer is too long"
		      : request->failure[0] ? request->failure
					    : curl_easy_strerror(code);
		snprintf(text, sizeof(text), "%s: no answer: %s", request->name, why);
		reply.text = text;
	} else {
		if (request->answer && !request->line) {
			replace_nul(request->answer, request->answer_used);
			body = json_loadb(request->answer, request->answer_used, 0, NULL);
		}
		reply.body = body;
		if (reply.status >= 400) {
			why = json_string_value(json_object_get(body, "message"));
			snprintf(text, sizeof(text), "%s: %s (%ld)", request->name,
				 why ? why : "refused", reply.status);
			reply.text = text;
		}
	}
	request->done(request->data, &reply);
	json_decref(body);
	request_free(request);
}

int docker_loop_wait(struct docker_loop *loop, struct pollfd *fds, size_t count, int timeout_ms,
		     struct error *err)
{
	struct curl_waitfd waits[FDS_MAX];
	CURLMsg *message;
	int running, left;
	CURLMcode c;

	if (count > FDS_MAX)
		return error_set(err, -EINVAL, "more than %d descriptors to wait for", FDS_MAX);
	for (size_t i = 0; i < count; i++)
		waits[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
	/* First what was sent since the last wait: it must reach the socket before we sleep. */
	c = curl_multi_perform(loop->multi, &running);
	if (c == CURLM_OK)
		c = curl_multi_poll(loop->multi, waits, (unsigned)count, timeout_ms, NULL);
	if (c == CURLM_OK)
		c = curl_multi_perform(loop->multi, &running);
	if (c != CURLM_OK)
		return error_set(err, -EIO, "libcurl: %s", curl_multi_strerror(c));
	for (size_t i = 0; i < count; i++)
		fds[i].revents = waits[i].revents;
	while ((message = curl_multi_info_read(loop->multi, &left))) {
		CURLcode code = message->data.result;
		struct docker_request *request;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		finish(request, code);
	}
	return 0;
}
