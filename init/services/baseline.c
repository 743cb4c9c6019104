#include "init/services/baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/json.h"

enum { FILE_MAX = 1 << 20 };

/* ---- the file ---- */

void baseline_read(const char *path, const char *release, struct baseline *out)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *object = NULL;
	const char *whose;
	size_t size;

	*out = (struct baseline){0};
	if (io_read_file(path, FILE_MAX, &text, &size, NULL) < 0)
		return;
	object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	whose = json_string_value(json_object_get(object, "release"));
	if (!whose || strcmp(whose, release) != 0)
		return;
	out->checks = json_incref(json_object_get(object, "checks"));
	out->containers = json_incref(json_object_get(object, "containers"));
}

int baseline_write(const char *path, const char *release, const struct baseline *baseline,
		   struct error *err)
{
	_cleanup_json_ json_t *object =
		json_pack("{s:s, s:O, s:O}", "release", release, "checks", baseline->checks,
			  "containers", baseline->containers);
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	return text ? io_replace_file(path, text, strlen(text), 0600, err) : error_oom(err);
}

void baseline_free(struct baseline *baseline)
{
	json_decref(baseline->checks);
	json_decref(baseline->containers);
	*baseline = (struct baseline){0};
}

bool baseline_has(const json_t *names, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach((json_t *)names, i, one)
	{
		const char *known = json_string_value(one);

		if (known && strcmp(known, name) == 0)
			return true;
	}
	return false;
}

static void print_names(const char *what, const json_t *names, char *out, size_t size)
{
	const json_t *one;
	size_t i;

	json_array_foreach((json_t *)names, i, one)
	{
		const char *name = json_string_value(one);
		size_t used = strlen(out);

		if (name)
			snprintf(out + used, size - used, "%s%s %s", used ? "; " : "", what, name);
	}
}

void baseline_print(const struct baseline *baseline, char *out, size_t size)
{
	out[0] = '\0';
	print_names("check", baseline->checks, out, size);
	print_names("container", baseline->containers, out, size);
}

/* ---- taking one ---- */

static void forget(struct baseline_taking *taking)
{
	json_decref(taking->containers);
	containers_free(&taking->watched);
	baseline_free(&taking->last);
	*taking = (struct baseline_taking){0};
}

void baseline_begin(struct baseline_taking *taking, const char *release, unsigned round,
		    uint64_t now)
{
	forget(taking);
	taking->active = true;
	taking->began_ms = now;
	taking->round = round;
	snprintf(taking->release, sizeof(taking->release), "%s", release);
}

void baseline_look(struct baseline_taking *taking, const json_t *list, uint64_t now)
{
	if (!taking->active)
		return;
	json_decref(taking->containers);
	taking->containers = containers_failing(&taking->watched, list, now, &taking->young);
}

void baseline_step(struct baseline_taking *taking, const char *path, unsigned ended,
		   const json_t *failed, uint64_t now)
{
	if (!taking->active || ended < taking->round || !taking->containers ||
	    (taking->young && now - taking->began_ms < BASELINE_YOUNG_MS))
		return;
	taking->active = false;
	taking->last = (struct baseline){
		.checks = failed ? json_deep_copy(failed) : json_array(),
		.containers = json_incref(taking->containers),
	};
	taking->taken = baseline_write(path, taking->release, &taking->last, &taking->err) == 0;
}

void baseline_expire(struct baseline_taking *taking, uint64_t now, uint64_t limit_ms)
{
	if (!taking->active || now - taking->began_ms < limit_ms)
		return;
	taking->active = false;
	error_set(&taking->err, -ETIMEDOUT,
		  "checks and containers have not been looked at within %llu s",
		  (unsigned long long)limit_ms / 1000);
}

void baseline_end(struct baseline_taking *taking)
{
	forget(taking);
}
