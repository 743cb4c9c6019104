#include "init/services/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/flipio.h"
#include "bootloader/rules.h"
#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/fields.h"
#include "lib/format/roots.h"
#include "lib/format/slot.h"
#include "lib/hex.h"
#include "lib/request.h"
#include "lib/upgrades.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text && *text ? json_string(text) : json_null());
}

static void set_flag(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

/* A node that only root may read has one cause, and one way out. */
static const char *reason(const struct error *err)
{
	return err->code == -EACCES || err->code == -EPERM
		       ? "only root may read it: sudo proa status"
		       : err->message;
}

static json_t *slot_numbers(const struct flip *flip, enum flip_slot slot)
{
	return json_pack("{s:i, s:b}", "left", (int)flip->slots[slot].left, "good",
			 (int)flip->slots[slot].good);
}

static json_t *gather_flip(const char *device, char running)
{
	enum flip_slot ours = running == 'b' ? FLIP_SLOT_B : FLIP_SLOT_A;
	_cleanup_flipio_ struct flipio io = FLIPIO_INIT;
	struct flipio_state state;
	struct error err = ERROR_INIT;
	json_t *out = json_object();
	char letter[2] = "";
	int r = -ENOENT;

	if (device && *device)
		r = flipio_open_read(&io, device, 0, 0, &err);
	else
		error_set(&err, r, "PID 1 names no flip block");
	if (r == 0)
		r = flipio_read(&io, &state, &err);
	if (r < 0) {
		set_text(out, "error", reason(&err));
		return out;
	}
	set_flag(out, "block_whole", state.block_whole);
	set_flag(out, "mirror_whole", state.mirror_whole);
	if (!state.block_whole && !state.mirror_whole) {
		set_text(out, "error", "block and mirror are damaged; the next boot repairs them");
		return out;
	}
	letter[0] = flip_letter(state.block.primary);
	set_text(out, "primary", letter);
	letter[0] = flip_letter(state.block.turn);
	set_text(out, "turn", letter);
	letter[0] = flip_letter(rules_next_slot(&state.block, &state.block));
	set_text(out, "next", letter);
	set_flag(out, "pending", rules_flip_pending(&state.block, ours));
	json_object_set_new(out, "a", slot_numbers(&state.block, FLIP_SLOT_A));
	json_object_set_new(out, "b", slot_numbers(&state.block, FLIP_SLOT_B));
	return out;
}

static void describe_slot(json_t *out, const struct slot *slot)
{
	char hash[HASH_HEX_SIZE];

	hex_encode(slot->manifest.root_hash, HASH_SIZE, hash);
	set_text(out, "version", slot->manifest.version);
	set_text(out, "kernel", slot->manifest.kernel);
	set_text(out, "docker", slot->manifest.docker);
	set_text(out, "root_hash", hash);
	set_text(out, "signed_by", slot->signer.id);
}

static json_t *gather_slot(const char *device, bool running, const struct keyring *ring)
{
	_cleanup_fd_ int fd = -1;
	struct error err = ERROR_INIT;
	const char *state = "signed";
	json_t *out = json_object();
	struct slot slot;
	off_t size = 0;
	int r;

	set_flag(out, "running", running);
	set_text(out, "device", device);
	fd = open(device && *device ? device : "/nonexistent", O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size < 0)
		r = error_errno(&err, "cannot open %s", device ? device : "the slot");
	else
		r = slot_verify_descriptor(fd, 0, (uint64_t)size, ring, &slot, &err);
	if (r == 0)
		describe_slot(out, &slot);
	else if (r == -ENODATA)
		state = "empty";
	else if (r == -EBADMSG)
		state = "damaged";
	else if (r == -ENOKEY || r == -EKEYREJECTED)
		state = "untrusted";
	else
		state = "unreadable";
	set_text(out, "state", state);
	set_text(out, "detail", r < 0 && r != -ENODATA ? reason(&err) : NULL);
	return out;
}

static json_t *gather_slots(const struct status_paths *paths, const struct fields *boot,
			    char running)
{
	struct roots roots = {.former.count = 0};
	struct error err = ERROR_INIT;
	json_t *out = json_object();

	if (roots_load(paths->keys, paths->keys_seen, &roots, &err) < 0)
		set_text(out, "error", err.message);
	json_object_set_new(out, "a",
			    gather_slot(fields_get(boot, "slot_a"), running == 'a', &roots.former));
	json_object_set_new(out, "b",
			    gather_slot(fields_get(boot, "slot_b"), running == 'b', &roots.former));
	return out;
}

/* What became of the release in the slot that does not run; NULL: nothing that matters now. */
static const char *slot_upgrade(const json_t *slot, const json_t *flip,
				const struct upgrades *upgrades)
{
	const char *hash = json_string_value(json_object_get(slot, "root_hash"));
	const struct upgrades_event *last = hash ? upgrades_find(upgrades, hash) : NULL;

	if (json_is_true(json_object_get(slot, "running")))
		return NULL;
	if (hash && json_is_true(json_object_get(flip, "pending")))
		return "pending";
	if (!last || !(upgrades_is_against(last->kind) || last->kind == UPGRADES_STAGED))
		return NULL;
	return upgrades_word(last->kind);
}

/* The last upgrade, and in `status`, whose flip block and slots are known, what each slot waits
 * for. */
static json_t *gather_upgrade(const char *path, json_t *status)
{
	const json_t *slots = json_object_get(status, "slots");
	const json_t *flip = json_object_get(status, "flip");
	static const char *const letters[] = {"a", "b"};
	struct error err = ERROR_INIT;
	struct upgrades upgrades;

	if (upgrades_read(path, &upgrades, &err) < 0)
		return json_pack("{s:s}", "error", reason(&err));
	for (size_t i = 0; i < 2; i++) {
		json_t *slot = json_object_get(slots, letters[i]);

		set_text(slot, "upgrade", slot_upgrade(slot, flip, &upgrades));
	}
	return upgrades.count > 0 ? upgrades_json(&upgrades.events[upgrades.count - 1])
				  : json_null();
}

/* "service.NAME" and "service.NAME.KEY" become services.NAME. */
static json_t *gather_services(const struct fields *fields)
{
	const char *at = NULL, *key, *value;
	json_t *out = json_object();

	while ((key = fields_next(fields, &at, &value))) {
		char name[64];
		const char *dot;
		json_t *service;

		if (strncmp(key, "service.", 8) != 0)
			continue;
		key += 8;
		dot = strchrnul(key, '.');
		snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
		service = json_object_get(out, name);
		if (!service) {
			service = json_object();
			json_object_set_new(out, name, service);
		}
		if (!*dot)
			set_text(service, "state", value);
		else if (strcmp(dot, ".restarts") == 0)
			json_object_set_new(service, "restarts", json_integer(atoi(value)));
		else if (strcmp(dot, ".required") == 0)
			set_flag(service, "required", strcmp(value, "1") == 0);
		else if (strcmp(dot, ".reason") == 0)
			set_text(service, "reason", value);
	}
	return out;
}

/* What PID 1 feeds: driver ("none", "off") and seconds. */
static json_t *gather_watchdog(const struct fields *boot)
{
	json_t *out = json_object();

	set_text(out, "driver", fields_get(boot, "watchdog"));
	json_object_set_new(
		out, "timeout",
		json_integer((json_int_t)fields_get_number(boot, "watchdog_timeout", 0)));
	return out;
}

/* One word for where this boot stands. */
static const char *phase(const char *gate, bool good, bool settled, bool stopping, bool degraded)
{
	if (stopping)
		return "stopping";
	if (degraded)
		return "degraded";
	if (strcmp(gate, "passed") == 0)
		return settled ? "good" : "passed";
	return good ? "starting" : "trial";
}

static bool is_one(const struct fields *fields, const char *key)
{
	return fields_get_number(fields, key, 0) == 1;
}

/*
 * PID 1 keeps what it was told for good, cut where it was too long for it; only
 * what the service manager did not tell counts.
 */
static const char *pid1_trouble(const struct fields *pid1, const struct fields *services)
{
	const char *trouble = fields_get(pid1, "degraded");
	const char *told = fields_get(services, "told");

	if (!trouble || !*trouble || (told && strncmp(told, trouble, strlen(trouble)) == 0))
		return NULL;
	return trouble;
}

static void gather_phase(json_t *out, const struct fields *boot, const struct fields *services,
			 const char *init_socket)
{
	_cleanup_fields_ struct fields pid1 = {0};
	struct error err = ERROR_INIT;
	const char *gate, *why, *trouble;
	char both[1024];
	bool good = is_one(boot, "good");

	if (request_status(init_socket, &pid1, &err) < 0)
		set_text(out, "error", err.message);
	gate = fields_get(&pid1, "gate");
	if (!gate)
		gate = fields_get(services, "gate");
	if (!gate)
		gate = "unknown";
	/* While the gate waits, what doesn't run yet is no fault. */
	why = strcmp(gate, "waiting") == 0 ? NULL : fields_get(services, "degraded");
	trouble = pid1_trouble(&pid1, services);
	if (why && trouble && strcmp(why, trouble) != 0) {
		/* PID 1's comes first: the service manager meets what follows from it. */
		snprintf(both, sizeof(both), "%s; %s", trouble, why);
		why = both;
	} else if (!why) {
		why = trouble;
	}
	set_text(out, "gate", gate);
	set_text(out, "left_out", fields_get(services, "left_out"));
	set_text(out, "degraded", why);
	set_flag(out, "good", good);
	set_flag(out, "settled", is_one(&pid1, "settled"));
	set_text(out, "phase",
		 phase(gate, good, is_one(&pid1, "settled"), is_one(&pid1, "stopping"),
		       why && *why));
	set_text(out, "waiting_for",
		 strcmp(gate, "waiting") == 0 ? fields_get(services, "degraded") : NULL);
}

int status_gather(const struct status_paths *paths, json_t **out, struct error *err)
{
	_cleanup_fields_ struct fields boot = {0}, services = {0};
	struct error missing = ERROR_INIT;
	const char *slot;
	json_t *status;
	int r = fields_read(paths->boot, &boot, err);

	if (r == -ENOENT)
		return error_set(err, r,
				 "this machine does not run Proa (there is no %s); ask it where "
				 "it runs, e.g. by ssh",
				 paths->boot);
	if (r < 0)
		return r;
	status = json_object();
	if (!status)
		return error_oom(err);
	slot = fields_get(&boot, "slot");
	set_text(status, "version", fields_get(&boot, "version"));
	set_text(status, "slot", slot);
	set_text(status, "root_hash", fields_get(&boot, "root_hash"));
	set_text(status, "disk", fields_get(&boot, "disk"));
	set_flag(status, "fellback", is_one(&boot, "fellback"));
	set_flag(status, "lastresort", is_one(&boot, "lastresort"));
	if (fields_read(paths->services, &services, &missing) < 0)
		set_text(status, "services_error", missing.message);
	gather_phase(status, &boot, &services, paths->init_socket);
	json_object_set_new(status, "flip",
			    gather_flip(fields_get(&boot, "flip"), slot ? slot[0] : 'a'));
	json_object_set_new(status, "slots", gather_slots(paths, &boot, slot ? slot[0] : 'a'));
	json_object_set_new(status, "upgrade", gather_upgrade(paths->upgrades, status));
	set_text(status, "system_docker", fields_get(&services, "system_docker"));
	set_text(status, "user_docker", fields_get(&services, "user_docker"));
	json_object_set_new(status, "services", gather_services(&services));
	json_object_set_new(status, "watchdog", gather_watchdog(&boot));
	*out = status;
	return 0;
}

bool status_is_degraded(const json_t *status)
{
	return json_is_string(json_object_get(status, "degraded"));
}
