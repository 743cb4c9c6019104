#include "init/services/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bootloader/bootlog.h"
#include "init/services/history_file.h"
#include "init/services/history_record.h"
#include "init/services/history_unseen.h"
#include "lib/cleanup.h"
#include "lib/console.h"
#include "lib/docker/docker.h"
#include "lib/fields.h"
#include "lib/io.h"
#include "lib/request.h"
#include "lib/upgrades.h"

/* What is gathered on the way; `boots` is oldest first until the end. */
struct gathering {
	json_t *boots;
	json_t *errors;
	struct history_boot before; /* the one added last; its texts are gone */
	size_t damaged;
	uint64_t last;    /* the newest boot that the files hold */
	uint64_t current; /* the boot that runs; 0: none */
	struct upgrades upgrades;
};

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text && *text ? json_string(text) : json_null());
}

static const char *stage_word(enum bootlog_stage stage)
{
	static const char *const words[] = {
		[BOOTLOG_INITRAMFS] = "initramfs", [BOOTLOG_ROOT] = "root",
		[BOOTLOG_STATE] = "state",         [BOOTLOG_GATE] = "gate",
		[BOOTLOG_SETTLED] = "settled",
	};

	return words[stage];
}

static const char *end_word(enum bootlog_end end)
{
	static const char *const words[] = {
		[BOOTLOG_RUNNING] = "reset", [BOOTLOG_FAILED] = "failed",
		[BOOTLOG_REBOOT] = "reboot", [BOOTLOG_POWEROFF] = "poweroff",
		[BOOTLOG_HALT] = "halt",
	};

	return words[end];
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key,
			    json_integer(number < INT64_MAX ? (json_int_t)number : INT64_MAX));
}

static json_t *boot_object(const struct history_boot *boot, const char *class)
{
	const char slot[] = {boot->slot, '\0'};
	const char *line = boot->lines;
	json_t *out = json_object(), *lines = json_array();

	set_number(out, "boot", boot->number);
	set_text(out, "class", class);
	set_text(out, "text", boot->text);
	set_text(out, "stage", stage_word(boot->stage));
	set_number(out, "time", boot->time);
	set_number(out, "uptime", boot->uptime_s);
	set_text(out, "slot", slot);
	set_text(out, "version", boot->version);
	json_object_set_new(out, "fellback", json_boolean(boot->fellback));
	json_object_set_new(out, "lastresort", json_boolean(boot->lastresort));
	json_object_set_new(out, "degraded", json_boolean(boot->degraded));
	set_text(out, "flip", boot->flip);
	for (size_t i = 0; i < boot->line_count; i++) {
		json_array_append_new(lines, json_string(line));
		line += strlen(line) + 1;
	}
	json_object_set_new(out, "lines", lines);
	return out;
}

/* A row of its own for boots that only the flip block knows of. */
static void add_unseen(struct gathering *all, unsigned count, char letter)
{
	const char slot[] = {letter, '\0'};
	json_t *out = json_object();

	set_text(out, "class", "unseen");
	set_text(out, "text", "never reached init (kernel or initramfs)");
	set_text(out, "slot", slot);
	set_number(out, "at_least", count);
	json_array_append_new(all->boots, out);
}

static void add_boot(struct gathering *all, const struct history_boot *boot, const char *class)
{
	char slot = 'a';
	unsigned unseen = history_unseen(&all->before, boot, &slot);

	if (unseen > 0)
		add_unseen(all, unseen, slot);
	json_array_append_new(all->boots, boot_object(boot, class));
	all->before = *boot;
}

static void add_error(struct gathering *all, const struct error *err)
{
	json_array_append_new(all->errors, json_string(err->message));
}

/* Returns 0 also where the file cannot be read, which is said; -ENOENT where there is none. */
static int gather_file(struct gathering *all, const char *path, struct error *err)
{
	_cleanup_history_file_ struct history_file file = {0};
	_cleanup_free_ char *bytes = NULL;
	struct error local = ERROR_INIT;
	size_t size;
	int r = io_read_file(path, HISTORY_FILE_MAX, &bytes, &size, &local);

	if (r == -ENOENT)
		return r;
	if (r < 0) {
		if (r == -EACCES)
			error_set(&local, r, "only root may read %s: sudo proa history", path);
		add_error(all, &local);
		return 0;
	}
	r = history_file_parse(bytes, size, &file, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < file.count; i++) {
		const struct history_boot *boot = &file.boots[i];

		add_boot(all, boot, end_word(boot->end));
		if (boot->number < all->current)
			all->last = boot->number; /* one yet to come is of another life */
	}
	all->damaged += file.damaged;
	return 0;
}

static void gather_upgrades(struct gathering *all, const char *path)
{
	struct error err = ERROR_INIT;
	int r = upgrades_read(path, &all->upgrades, &err);

	if (r == -EACCES)
		error_set(&err, r, "only root may read %s: sudo proa history", path);
	if (r < 0)
		add_error(all, &err);
}

static int add_record(void *context, const struct bootlog_record *found)
{
	struct gathering *all = context;
	struct bootlog_record record = *found;
	struct history_boot boot;
	char text[HISTORY_TEXT_MAX + 1];

	if (record.boot >= all->current)
		return 0;
	history_from_record(&record, text, &boot);
	add_boot(all, &boot, end_word(boot.end));
	return 0;
}

/* PID 1 moves the ring's boots into the file when the gate has passed: until then they are here. */
static void gather_ring(struct gathering *all, const char *device)
{
	_cleanup_fd_ int fd = -1;
	struct error err = ERROR_INIT;

	if (all->last + 1 >= all->current)
		return;
	fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		error_set(
			&err, -errno,
			"the boots up to %llu are in the boot log ring still, which only root may "
			"read: sudo proa history",
			(unsigned long long)all->current - 1);
	else if (fd < 0)
		error_errno(&err, "cannot open %s for the boot log ring", device);
	if (fd < 0 || bootlog_each(fd, 0, all->last, add_record, all, &err) < 0)
		add_error(all, &err);
}

/* Whether something was amiss in this boot; PID 1 keeps it, as the ring does. */
static bool ever_degraded(const char *socket)
{
	char answer[REQUEST_LINE_MAX];
	const char *degraded;

	if (request_pid1(socket, "status", answer, sizeof(answer), NULL) < 0)
		return false;
	degraded = strstr(answer, " degraded=");
	return degraded && degraded[strlen(" degraded=")];
}

static void gather_current(struct gathering *all, const struct fields *fields, const char *socket)
{
	const char *slot = fields_get(fields, "slot"), *version = fields_get(fields, "version"),
		   *flip = fields_get(fields, "flip_text");
	char text[64];
	struct history_boot boot = {
		.number = all->current,
		.time = (uint64_t)time(NULL),
		.uptime_s = console_now_ms() / 1000,
		.slot = slot && *slot == 'b' ? 'b' : 'a',
		.stage = BOOTLOG_ROOT,
		.fellback = fields_get_number(fields, "fellback", 0) == 1,
		.lastresort = fields_get_number(fields, "lastresort", 0) == 1,
		.degraded = ever_degraded(socket),
		.text = text,
	};

	if (fields_get_number(fields, "t_state", 0) > 0)
		boot.stage = BOOTLOG_STATE;
	if (fields_get_number(fields, "t_gate", 0) > 0)
		boot.stage = BOOTLOG_GATE;
	if (fields_get_number(fields, "t_settled", 0) > 0)
		boot.stage = BOOTLOG_SETTLED;
	snprintf(boot.version, sizeof(boot.version), "%s", version ? version : "");
	snprintf(boot.flip, sizeof(boot.flip), "%s", flip ? flip : "");
	snprintf(text, sizeof(text), "running, %s", bootlog_stage_name(boot.stage));
	add_boot(all, &boot, "running");
}

/* Newest first, and no more than `count`. */
static json_t *newest_first(const json_t *boots, size_t count)
{
	size_t size = json_array_size(boots), shown = count && count < size ? count : size;
	json_t *out = json_array();

	for (size_t i = 0; i < shown; i++)
		json_array_append(out, json_array_get(boots, size - 1 - i));
	return out;
}

/* Newest first, those that were done since the first of the boots that are shown. */
static json_t *upgrades_since(const struct gathering *all, uint64_t boot)
{
	json_t *out = json_array();

	for (size_t i = all->upgrades.count; i > 0; i--) {
		struct upgrades_event event = all->upgrades.events[i - 1];

		if (event.boot < boot)
			continue;
		/* A boot that is yet to come is one of another life. */
		if (all->current && event.boot > all->current)
			event.boot = 0;
		json_array_append_new(out, upgrades_json(&event));
	}
	return out;
}

static uint64_t first_shown(const json_t *shown, const struct gathering *all)
{
	size_t i = json_array_size(shown);

	if (i == json_array_size(all->boots))
		return 0;
	/* Those that were never seen have no number. */
	while (i > 0 && !json_object_get(json_array_get(shown, i - 1), "boot"))
		i--;
	return i > 0 ? (uint64_t)json_integer_value(
			       json_object_get(json_array_get(shown, i - 1), "boot"))
		     : 0;
}

static int gather(struct gathering *all, const struct history_paths *paths, struct error *err)
{
	_cleanup_fields_ struct fields boot = {0};
	char older[256];
	int runs, older_part, newer_part;

	snprintf(older, sizeof(older), "%s.1", paths->history);
	runs = fields_read(paths->boot, &boot, err);
	if (runs < 0 && runs != -ENOENT)
		return runs;
	all->current = fields_get_number(&boot, "boot", 0);
	gather_upgrades(all, paths->upgrades);
	older_part = gather_file(all, older, err);
	newer_part = gather_file(all, paths->history, err);
	if (older_part < 0 && older_part != -ENOENT)
		return older_part;
	if (newer_part < 0 && newer_part != -ENOENT)
		return newer_part;
	if (runs == 0) {
		const char *flip = fields_get(&boot, "flip");

		if (flip && *flip && all->current > 0)
			gather_ring(all, flip);
		gather_current(all, &boot, paths->init_socket);
	} else if (older_part < 0 && newer_part < 0) {
		return error_set(
			err, -ENOENT,
			"this machine does not run Proa, and holds no history of it (there "
			"is no %s and no %s)",
			paths->boot, paths->history);
	}
	return 0;
}

int history_gather(const struct history_paths *paths, size_t count, json_t **out, struct error *err)
{
	_cleanup_json_ json_t *boots = json_array(), *errors = json_array();
	struct gathering all = {.boots = boots, .errors = errors};
	json_t *shown;
	int r;

	if (!boots || !errors)
		return error_oom(err);
	r = gather(&all, paths, err);
	if (r < 0)
		return r;
	shown = newest_first(boots, count);
	*out = json_pack("{s:o, s:I, s:o, s:I, s:O}", "boots", shown, "total",
			 (json_int_t)json_array_size(boots), "upgrades",
			 upgrades_since(&all, first_shown(shown, &all)), "damaged_lines",
			 (json_int_t)all.damaged, "errors", errors);
	return *out ? 0 : error_oom(err);
}
