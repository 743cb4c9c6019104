/* What both Dockers say of themselves, and the logs of the system's services. */
#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "init/services/paths.h"
#include "init/services/support.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"

enum {
	ANSWER_MS = 10 * 1000, /* of one request; the part as a whole has its own limit */
	HEADER = 8,            /* before each piece of a log: stream, 3 zeroes, big-endian length */
};

static int print_json(FILE *out, const char *title, json_t *json)
{
	mask_environment(json);
	fprintf(out, "==== %s\n", title);
	json_dumpf(json, out, JSON_INDENT(2));
	fputs("\n\n", out);
	return 0;
}

static int print_answer(FILE *out, const char *socket, const char *path, struct error *err)
{
	_cleanup_json_ json_t *json = NULL;
	int r = docker_call(socket, "GET", path, NULL, ANSWER_MS, &json, err);

	return r < 0 ? r : print_json(out, path, json);
}

/* Each goes on where another has failed. */
static int print_docker(FILE *out, const char *socket, struct error *err)
{
	static const char *const paths[] = {"/version", "/info", "/containers/json?all=1",
					    "/images/json", "/system/df?type=volume"};
	_cleanup_json_ json_t *list = NULL;
	struct error later = ERROR_INIT;
	size_t i;
	json_t *one;
	int r = print_answer(out, socket, paths[0], err);

	if (r < 0)
		return r; /* it does not answer: no need to wait for all */
	for (i = 1; i < sizeof(paths) / sizeof(*paths); i++)
		if (print_answer(out, socket, paths[i], &later) < 0)
			*err = later, r = later.code;
	if (docker_call(socket, "GET", paths[2], NULL, ANSWER_MS, &list, &later) < 0)
		return r;
	json_array_foreach(list, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "Id"));
		char path[160];

		snprintf(path, sizeof(path), "/containers/%.100s/json", id ? id : "");
		if (print_answer(out, socket, path, &later) < 0)
			fprintf(out, "%s\n", later.message);
	}
	return r;
}

static size_t keep(char *data, size_t one, size_t count, void *context)
{
	return fwrite(data, one, count, context) * one;
}

/* The log itself, without what Docker puts before each piece of it. */
static void print_pieces(FILE *out, const char *text, size_t size)
{
	while (size >= HEADER && (unsigned char)text[0] <= 2 && !text[1] && !text[2] && !text[3]) {
		const uint8_t *b = (const uint8_t *)text + 4;
		size_t length = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];

		text += HEADER;
		size -= HEADER;
		length = length < size ? length : size;
		fwrite(text, 1, length, out);
		text += length;
		size -= length;
	}
	fwrite(text, 1, size, out); /* a container with a terminal has none of that */
}

static int print_log(FILE *out, const char *socket, const char *id)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	char url[256];
	FILE *kept = open_memstream(&text, &size);
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	snprintf(url, sizeof(url),
		 "http://docker" DOCKER_API
		 "/containers/%.100s/logs?stdout=1&stderr=1&timestamps=1&tail=500",
		 id);
	if (curl && kept) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
		curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, kept);
		code = curl_easy_perform(curl);
	}
	curl_easy_cleanup(curl);
	if (kept)
		fclose(kept);
	if (text)
		print_pieces(out, text, size);
	if (code != CURLE_OK)
		fprintf(out, "(%s)\n", curl_easy_strerror(code));
	return code == CURLE_OK ? 0 : -EIO;
}

static int print_logs(FILE *out, const char *socket, struct error *err)
{
	_cleanup_json_ json_t *list = NULL;
	size_t i;
	json_t *one;
	int r = docker_call(socket, "GET", "/containers/json?all=1", NULL, ANSWER_MS, &list, err);

	json_array_foreach(list, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "Id"));
		const char *name =
			json_string_value(json_array_get(json_object_get(one, "Names"), 0));

		fprintf(out, "==== %s\n", name ? name : "?");
		if (id && print_log(out, socket, id) < 0)
			r = error_set(err, -EIO, "the log of %s cannot be read", name ? name : id);
		fputc('\n', out);
	}
	return r < 0 ? r : 0;
}

const struct support_part support_docker_parts[] = {
	{"system-docker", print_docker, PATH_SYSTEM_DOCKER},
	{"services.log", print_logs, PATH_SYSTEM_DOCKER},
	{"user-docker", print_docker, PATH_USER_DOCKER},
};
const size_t support_docker_count = sizeof(support_docker_parts) / sizeof(*support_docker_parts);
