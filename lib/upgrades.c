#include "lib/upgrades.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/json.h"
#include "lib/printable.h"

enum { LOCK_WAIT_MS = 2000 };

static const char *const words[UPGRADES_KINDS] = {
	[UPGRADES_STARTED] = "started",       [UPGRADES_FAILED] = "failed",
	[UPGRADES_STAGED] = "staged",         [UPGRADES_UPGRADED] = "upgraded",
	[UPGRADES_CANCELLED] = "cancelled",   [UPGRADES_PASSED] = "passed",
	[UPGRADES_FELL_BACK] = "fell back",   [UPGRADES_ROLLED_BACK] = "rolled back",
	[UPGRADES_MARKED_BAD] = "marked bad",
};

const char *upgrades_word(enum upgrades_kind kind)
{
	return kind < UPGRADES_KINDS ? words[kind] : "unknown";
}

bool upgrades_is_against(enum upgrades_kind kind)
{
	return kind == UPGRADES_CANCELLED || kind == UPGRADES_FELL_BACK ||
	       kind == UPGRADES_ROLLED_BACK || kind == UPGRADES_MARKED_BAD;
}

/* ---- one event ---- */

static void take_text(const json_t *object, const char *key, char *out, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	snprintf(out, size, "%s", value ? value : "");
	printable_make(out);
}

static uint64_t take_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

static bool take_kind(const json_t *object, enum upgrades_kind *out)
{
	const char *word = json_string_value(json_object_get(object, "event"));

	for (int kind = 0; word && kind < UPGRADES_KINDS; kind++) {
		if (strcmp(words[kind], word) != 0)
			continue;
		*out = (enum upgrades_kind)kind;
		return true;
	}
	return false;
}

static bool parse(const char *line, size_t size, struct upgrades_event *out)
{
	_cleanup_json_ json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	const char *slot = json_string_value(json_object_get(object, "slot"));
	uint8_t hash[HASH_SIZE];

	*out = (struct upgrades_event){
		.time = take_number(object, "time"),
		.boot = take_number(object, "boot"),
		.fetched = take_number(object, "bytes_fetched"),
		.reused = take_number(object, "bytes_reused"),
		.unattended = json_is_true(json_object_get(object, "unattended")),
	};
	if (!take_kind(object, &out->kind) || !slot ||
	    (strcmp(slot, "a") != 0 && strcmp(slot, "b") != 0))
		return false;
	out->slot = *slot;
	take_text(object, "version", out->version, sizeof(out->version));
	take_text(object, "root_hash", out->root_hash, sizeof(out->root_hash));
	take_text(object, "from", out->from, sizeof(out->from));
	take_text(object, "text", out->text, sizeof(out->text));
	return hex_decode(out->root_hash, hash, HASH_SIZE) == 0;
}

json_t *upgrades_json(const struct upgrades_event *event)
{
	return json_pack("{s:I, s:I, s:s, s:s%, s:o, s:s, s:o, s:I, s:I, s:b, s:o}", "time",
			 (json_int_t)event->time, "boot", (json_int_t)event->boot, "event",
			 upgrades_word(event->kind), "slot", &event->slot, (size_t)1, "version",
			 json_text(event->version), "root_hash", event->root_hash, "from",
			 json_text(event->from), "bytes_fetched", (json_int_t)event->fetched,
			 "bytes_reused", (json_int_t)event->reused, "unattended",
			 (int)event->unattended, "text", json_text(event->text));
}

/* ---- the file ---- */

static void make_room(struct upgrades *upgrades)
{
	size_t gone = 0;

	if (upgrades->count < UPGRADES_MAX)
		return;
	while (gone < upgrades->count && upgrades_is_against(upgrades->events[gone].kind))
		gone++;
	if (gone == upgrades->count)
		gone = 0;
	upgrades->count--;
	memmove(&upgrades->events[gone], &upgrades->events[gone + 1],
		(upgrades->count - gone) * sizeof(upgrades->events[0]));
}

void upgrades_parse(const char *text, size_t size, struct upgrades *out)
{
	out->count = 0;
	for (const char *line = text, *end = text + size; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((stop ? stop : end) - line);

		make_room(out);
		out->count += parse(line, length, &out->events[out->count]);
		line += length + 1;
	}
}

int upgrades_read(const char *path, struct upgrades *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	out->count = 0;
	r = io_read_file(path, UPGRADES_FILE_MAX, &text, &size, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	upgrades_parse(text, size, out);
	return 0;
}

const struct upgrades_event *upgrades_find(const struct upgrades *upgrades, const char *root_hash)
{
	for (size_t i = upgrades->count; i > 0; i--)
		if (strcmp(upgrades->events[i - 1].root_hash, root_hash) == 0)
			return &upgrades->events[i - 1];
	return NULL;
}

/* A flip to what was staged before writes nothing: its bytes are those of then. */
static void take_bytes(const struct upgrades *upgrades, struct upgrades_event *event)
{
	const struct upgrades_event *staged = upgrades_find(upgrades, event->root_hash);

	if (event->kind != UPGRADES_UPGRADED || event->fetched || event->reused || !staged ||
	    staged->kind != UPGRADES_STAGED)
		return;
	event->fetched = staged->fetched;
	event->reused = staged->reused;
}

static void append(struct upgrades *upgrades, struct upgrades_event event)
{
	const struct upgrades_event *last =
		upgrades->count > 0 ? &upgrades->events[upgrades->count - 1] : NULL;

	take_bytes(upgrades, &event);
	printable_make(event.version);
	printable_make(event.from);
	printable_make(event.text);
	if (last && last->kind == UPGRADES_STARTED && strcmp(last->root_hash, event.root_hash) == 0)
		upgrades->count--;
	make_room(upgrades);
	upgrades->events[upgrades->count++] = event;
}

static int write_all(const char *path, const struct upgrades *upgrades, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = 0;

	if (!out)
		return error_oom(err);
	for (size_t i = 0; i < upgrades->count && r == 0; i++) {
		_cleanup_json_ json_t *object = upgrades_json(&upgrades->events[i]);

		r = object ? json_dumpf(object, out, JSON_COMPACT) : -1;
		fputc('\n', out);
	}
	if (fclose(out) != 0 || r < 0 || !text)
		return error_oom(err);
	/* What a server said, addresses too, is root's alone. */
	return io_replace_file(path, text, size, 0600, err);
}

static int lock_folder(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int fd, r;

	if (!folder)
		return error_oom(err);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot open %s", folder);
	r = io_lock(fd, LOCK_WAIT_MS);
	if (r == 0)
		return fd;
	close(fd);
	return error_set(err, r, "cannot lock %s: %s", folder, strerror(-r));
}

int upgrades_add(const char *path, const struct upgrades_event *event, struct error *err)
{
	_cleanup_free_ struct upgrades *upgrades = malloc(sizeof(*upgrades));
	_cleanup_fd_ int lock = -1;
	int r;

	if (!upgrades)
		return error_oom(err);
	lock = lock_folder(path, err);
	if (lock < 0)
		return lock;
	r = upgrades_read(path, upgrades, err);
	/* Nothing of ours is that long. */
	if (r < 0 && r != -EFBIG)
		return r;
	append(upgrades, *event);
	return write_all(path, upgrades, err);
}
