#include "lib/docker/docker.h"

#include <errno.h>

struct waiting {
	bool finished;
	int result;
	json_t *body;
	struct error *err;
};

static void done(void *data, const struct docker_reply *reply)
{
	struct waiting *waiting = data;

	waiting->finished = true;
	if (reply->result < 0) {
		waiting->result = error_set(waiting->err, reply->result, "%s", reply->text);
	} else if (reply->status >= 400) {
		waiting->result = error_set(waiting->err, reply->status == 404 ? -ENOENT : -EPROTO,
					    "%s", reply->text);
	} else {
		waiting->result = (int)reply->status;
		waiting->body = json_incref((json_t *)reply->body);
	}
}

int docker_call(const char *socket, const char *method, const char *path, const json_t *body,
		unsigned timeout_ms, json_t **out, struct error *err)
{
	struct docker_loop *loop = docker_loop_new(err);
	struct waiting waiting = {.err = err};
	struct docker_query query = {
		.socket = socket,
		.method = method,
		.path = path,
		.body = body,
		.timeout_ms = timeout_ms,
		.done = done,
		.data = &waiting,
	};
	int r;

	if (!loop)
		return -ENOMEM;
	r = docker_send(loop, &query, NULL, err);
	while (r == 0 && !waiting.finished)
		r = docker_loop_wait(loop, NULL, 0, 1000, err);
	docker_loop_free(loop);
	if (r == 0)
		r = waiting.result;
	if (out && r >= 0)
		*out = waiting.body;
	else
		json_decref(waiting.body);
	return r;
}
