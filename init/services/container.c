#include "init/services/container.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/docker/docker.h"
#include "lib/hex.h"

static void set_text(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

static void set_list(json_t *object, const char *key, const struct spec_list *list)
{
	json_t *array;

	if (list->count == 0)
		return;
	array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	json_object_set_new(object, key, array);
}

/* "/run" or "/run:size=64m": an object of path → options. */
static void set_tmpfs(json_t *host, const struct spec_list *list)
{
	json_t *object;

	if (list->count == 0)
		return;
	object = json_object();
	for (size_t i = 0; i < list->count; i++) {
		const char *item = list->items[i];
		size_t length = strcspn(item, ":");

		json_object_setn_new(object, item, length,
				     json_string(item[length] ? item + length + 1 : ""));
	}
	json_object_set_new(host, "Tmpfs", object);
}

/* systempaths=unconfined is no option of the daemon's: Docker's client turns it into empty lists.
 */
static void set_security(json_t *host, const struct spec_list *list)
{
	json_t *options = json_array();

	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], "systempaths=unconfined") == 0) {
			json_object_set_new(host, "MaskedPaths", json_array());
			json_object_set_new(host, "ReadonlyPaths", json_array());
		} else {
			json_array_append_new(options, json_string(list->items[i]));
		}
	}
	json_object_set_new(host, "SecurityOpt", options);
}

static json_t *host_config(const struct service_spec *spec)
{
	json_t *host = json_object();

	set_list(host, "Binds", &spec->volumes);
	set_tmpfs(host, &spec->tmpfs);
	set_list(host, "CapAdd", &spec->cap_add);
	set_list(host, "CapDrop", &spec->cap_drop);
	set_security(host, &spec->security_opt);
	set_text(host, "NetworkMode", spec->network_mode ? spec->network_mode : "none");
	set_text(host, "PidMode", spec->pid);
	set_text(host, "IpcMode", spec->ipc);
	set_text(host, "UTSMode", spec->uts);
	set_text(host, "CgroupnsMode", spec->cgroup);
	json_object_set_new(host, "Privileged", json_boolean(spec->privileged));
	json_object_set_new(host, "ReadonlyRootfs", json_boolean(spec->read_only));
	json_object_set_new(host, "OomScoreAdj", json_integer(spec->oom_score_adj));
	/*
	 * containerd's shim serves all containers of a group: one process (4.4 MiB) for all
	 * services. User Docker keeps its own: in the group it was seen to answer 2 s later.
	 */
	if (!spec->user_docker)
		json_object_set_new(host, "Annotations",
				    json_pack("{s:s}", "io.containerd.runc.v2.group", "proa"));
	/* We restart: Docker's own policies know no order and no health gate. */
	json_object_set_new(host, "RestartPolicy", json_pack("{s:s}", "Name", "no"));
	/* Bounded, so that a service that complains cannot fill the state partition. */
	json_object_set_new(host, "LogConfig",
			    json_pack("{s:s, s:{s:s, s:s}}", "Type", "local", "Config", "max-size",
				      "1m", "max-file", "2"));
	return host;
}

static void set_seconds(json_t *object, const char *key, long seconds)
{
	if (seconds > 0)
		json_object_set_new(object, key,
				    json_integer((json_int_t)seconds * 1000 * 1000 * 1000));
}

static void set_health(json_t *body, const struct service_spec *spec)
{
	json_t *health;

	if (spec->health.test.count == 0)
		return;
	health = json_object();
	set_list(health, "Test", &spec->health.test);
	set_seconds(health, "Interval", spec->health.interval_s);
	set_seconds(health, "Timeout", spec->health.timeout_s);
	set_seconds(health, "StartPeriod", spec->health.start_period_s);
	if (spec->health.retries > 0)
		json_object_set_new(health, "Retries", json_integer(spec->health.retries));
	json_object_set_new(body, "Healthcheck", health);
}

static int config_hash(const json_t *body, const char *release, char config[HASH_HEX_SIZE])
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_hash_ struct hash *hash = hash_new();
	uint8_t digest[HASH_SIZE];

	if (!text || !hash || hash_update(hash, text, strlen(text)) < 0 ||
	    hash_update(hash, release, strlen(release)) < 0 || hash_final(hash, digest) < 0)
		return -1;
	hex_encode(digest, sizeof(digest), config);
	return 0;
}

json_t *container_body(const struct service_spec *spec, const char *release,
		       char config[HASH_HEX_SIZE])
{
	json_t *body = json_object();
	json_t *labels;

	set_text(body, "Image", spec->image);
	set_list(body, "Entrypoint", &spec->entrypoint);
	set_list(body, "Cmd", &spec->command);
	set_list(body, "Env", &spec->environment);
	set_text(body, "User", spec->user);
	set_text(body, "WorkingDir", spec->working_dir);
	set_text(body, "Hostname", spec->hostname);
	set_text(body, "StopSignal", spec->stop_signal);
	json_object_set_new(body, "StopTimeout", json_integer(spec->stop_grace_s));
	set_health(body, spec);
	json_object_set_new(body, "HostConfig", host_config(spec));
	/* The labels come last: the hash is over all that stands above. */
	if (!body || config_hash(body, release, config) < 0) {
		json_decref(body);
		return NULL;
	}
	labels = json_pack("{s:s, s:s}", CONTAINER_LABEL_SERVICE, spec->name,
			   CONTAINER_LABEL_CONFIG, config);
	if (!labels || json_object_set_new(body, "Labels", labels) < 0) {
		json_decref(body);
		return NULL;
	}
	return body;
}
