#include "init/services/containers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/services/baseline.h"
#include "lib/json.h"

/* Docker's names begin with a slash. */
static const char *name_of(const json_t *container)
{
	const char *name =
		json_string_value(json_array_get(json_object_get(container, "Names"), 0));

	return name && name[0] == '/' ? name + 1 : name;
}

static bool is_running(const json_t *container)
{
	const char *state = json_string_value(json_object_get(container, "State"));

	return state && strcmp(state, "running") == 0;
}

enum health { NO_CHECK, HEALTHY, STARTING, UNHEALTHY };

/* "Up 3 minutes (healthy)": the list has it in words alone. */
static enum health health_of(const json_t *container)
{
	const char *status = json_string_value(json_object_get(container, "Status"));

	if (!status)
		return NO_CHECK;
	if (strstr(status, "(healthy)"))
		return HEALTHY;
	if (strstr(status, "(health: starting)"))
		return STARTING;
	return strstr(status, "(unhealthy)") ? UNHEALTHY : NO_CHECK;
}

/* A container that ends again and again is "running" for a moment each time. */
enum { STEADY_S = 10 };

/*
 * "Up Less than a second", "Up 3 seconds", "Up 3 seconds (health: starting)": Docker's
 * units.HumanDuration. Below a minute it is young: gives its age.
 */
static bool is_young(const json_t *container, unsigned *seconds)
{
	const char *status = json_string_value(json_object_get(container, "Status"));
	int read = 0;

	*seconds = 0;
	if (!status)
		return false;
	if (strncmp(status, "Up Less than ", strlen("Up Less than ")) == 0)
		return true;
	return sscanf(status, "Up %3u second%n", seconds, &read) == 1 && read > 0;
}

/*
 * Where its check has passed already, the check knows better. Docker counts by the clock of the
 * day: one that was hours ahead, and has been set right, leaves everything as new for hours.
 */
static bool has_just_started(const struct containers *containers, const json_t *container)
{
	unsigned seconds;

	return !containers->clock_was_set && health_of(container) != HEALTHY &&
	       is_young(container, &seconds) && seconds < STEADY_S;
}

static bool has_label(const json_t *container, const char *value)
{
	const char *label = json_string_value(
		json_object_get(json_object_get(container, "Labels"), CONTAINERS_LABEL));

	return label && strcmp(label, value) == 0;
}

static void say_of(char out[GATE_TEXT_MAX], const char *name, const char *what)
{
	size_t used = strlen(out);

	snprintf(out + used, GATE_TEXT_MAX - used, "%scontainer %s %s", used ? "; " : "", name,
		 what);
}

static void miss(struct containers *containers, const char *name, const char *what)
{
	say_of(baseline_has(containers->known, name) ? containers->known_said : containers->said,
	       name, what);
}

static const struct containers_seen *seen(const struct containers *containers, const char *name)
{
	for (size_t i = 0; i < containers->count; i++)
		if (strcmp(containers->before[i].name, name) == 0)
			return &containers->before[i];
	return NULL;
}

static const json_t *find(const json_t *list, const char *name)
{
	const json_t *container;
	size_t i;

	json_array_foreach((json_t *)list, i, container)
	{
		const char *found = name_of(container);

		if (found && strcmp(found, name) == 0)
			return container;
	}
	return NULL;
}

/* Since when each look has found it running; of those that it did not, nothing is kept. */
static void note_running(struct containers *containers, const json_t *list, uint64_t now_ms)
{
	json_t *seen = json_object();
	const json_t *container;
	size_t i;

	json_array_foreach((json_t *)list, i, container)
	{
		const char *id = json_string_value(json_object_get(container, "Id"));
		json_t *since = id ? json_object_get(containers->seen_ms, id) : NULL;

		if (!id || !is_running(container))
			continue;
		if (since)
			(void)json_object_set(seen, id, since);
		else
			(void)json_object_set_new(seen, id, json_integer((json_int_t)now_ms));
	}
	json_decref(containers->seen_ms);
	containers->seen_ms = seen;
}

/*
 * Docker 28 counts a container's age from before its network and its process are made, and goes
 * on calling it running until all of that is taken down again: on a slow machine both take many
 * seconds, and one that ends at once may be ten seconds old.
 */
static bool was_seen_for_long(const struct containers *containers, const json_t *container,
			      uint64_t now_ms)
{
	const char *id = json_string_value(json_object_get(container, "Id"));
	const json_t *since = id ? json_object_get(containers->seen_ms, id) : NULL;
	unsigned seconds;

	if (health_of(container) == HEALTHY ||
	    (!containers->clock_was_set && !is_young(container, &seconds)))
		return true;
	return since && now_ms - (uint64_t)json_integer_value(since) >= STEADY_S * 1000;
}

/*
 * Where looks are a minute apart, one that ends again and again may be met running by each of them:
 * it must have been running for that long.
 */
static bool is_steady(const struct containers *containers, const json_t *container, uint64_t now_ms)
{
	unsigned seconds;

	if (containers->clock_was_set)
		return was_seen_for_long(containers, container, now_ms);
	return health_of(container) == HEALTHY || !is_young(container, &seconds);
}

/* One that is gone altogether was removed by a person: docker rm is no failure of a release. */
void containers_judge(struct containers *containers, const json_t *list, uint64_t now_ms,
		      bool waiting)
{
	const json_t *container;
	size_t i;

	containers->said[0] = containers->known_said[0] = containers->starting[0] = '\0';
	note_running(containers, list, now_ms);
	json_array_foreach((json_t *)list, i, container)
	{
		const char *name = name_of(container);
		const struct containers_seen *before = name ? seen(containers, name) : NULL;
		bool required = has_label(container, "required");
		enum health health = health_of(container);
		bool to_be_healthy = required || (before && before->healthy);

		if (!name || has_label(container, "ignore") || (!before && !required))
			continue;
		if (!is_running(container))
			miss(containers, name, "does not run");
		else if (to_be_healthy && health == UNHEALTHY)
			miss(containers, name, "is not healthy");
		else if (has_just_started(containers, container) ||
			 (waiting ? !was_seen_for_long(containers, container, now_ms)
				  : before && !is_steady(containers, container, now_ms)))
			miss(containers, name, "has only just started");
		else if (to_be_healthy && health == STARTING &&
			 !baseline_has(containers->known, name))
			say_of(containers->starting, name, "has not been found healthy yet");
	}
}

static bool is_restarting(const json_t *container)
{
	const char *state = json_string_value(json_object_get(container, "State"));

	return state && strcmp(state, "restarting") == 0;
}

json_t *containers_failing(struct containers *containers, const json_t *list, uint64_t now_ms,
			   bool *young)
{
	json_t *names = json_array();
	const json_t *container;
	size_t i;

	*young = false;
	note_running(containers, list, now_ms);
	json_array_foreach((json_t *)list, i, container)
	{
		const char *name = name_of(container);
		bool running = is_running(container);
		bool fresh = running && !was_seen_for_long(containers, container, now_ms);

		if (!name || has_label(container, "ignore"))
			continue;
		*young |= fresh;
		if (fresh || is_restarting(container) ||
		    (running && health_of(container) == UNHEALTHY) ||
		    (!running && has_label(container, "required")))
			(void)json_array_append_new(names, json_text(name));
	}
	return names;
}

static const char *id_of(const json_t *container)
{
	return json_string_value(json_object_get(container, "Id"));
}

const char *containers_unknown(const struct containers *containers, const json_t *list)
{
	const json_t *container;
	size_t i;

	json_array_foreach((json_t *)list, i, container)
	{
		const char *id = id_of(container);

		if (id && is_running(container) && !json_object_get(containers->policies, id))
			return id;
	}
	return NULL;
}

int containers_note(struct containers *containers, const char *id, const json_t *inspected)
{
	const json_t *policy =
		json_object_get(json_object_get(inspected, "HostConfig"), "RestartPolicy");
	const char *name = json_string_value(json_object_get(policy, "Name"));
	/* "on-failure" is one, too; a container that ended well under it does not run. */
	bool restarts =
		name && (strcmp(name, "always") == 0 || strcmp(name, "unless-stopped") == 0);

	if (!containers->policies)
		containers->policies = json_object();
	return json_object_set_new(containers->policies, id, json_boolean(restarts)) < 0 ? -ENOMEM
											 : 0;
}

char *containers_record(const struct containers *containers, const json_t *list)
{
	const json_t *container;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	json_array_foreach((json_t *)list, i, container)
	{
		const char *name = name_of(container);

		const char *id = id_of(container);

		if (name && id && is_running(container) && !has_label(container, "ignore") &&
		    json_is_true(json_object_get(containers->policies, id)))
			fprintf(out, "%s%s\n", name,
				health_of(container) == HEALTHY ? " healthy" : "");
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static int add(struct containers *containers, const char *line, size_t length)
{
	size_t name = strcspn(line, " \n");
	struct containers_seen *bigger;

	if (name == 0 || name > length)
		return 0;
	bigger = realloc(containers->before, (containers->count + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	containers->before = bigger;
	bigger += containers->count;
	bigger->name = strndup(line, name);
	bigger->healthy = length - name == strlen(" healthy") &&
			  strncmp(line + name, " healthy", strlen(" healthy")) == 0;
	containers->count += bigger->name != NULL;
	return bigger->name ? 0 : -ENOMEM;
}

int containers_read(struct containers *containers, const char *text)
{
	int r = 0;

	for (const char *line = text; *line && r == 0;) {
		size_t length = strcspn(line, "\n");

		r = add(containers, line, length);
		line += length + (line[length] == '\n');
	}
	return r;
}

/* Of containers that are gone nobody will ask again. */
static void forget_policies(struct containers *containers, const json_t *list)
{
	json_t *kept = json_object();
	const json_t *container;
	size_t i;

	json_array_foreach((json_t *)list, i, container)
	{
		const char *id = id_of(container);
		json_t *policy = id ? json_object_get(containers->policies, id) : NULL;

		if (policy)
			(void)json_object_set(kept, id, policy);
	}
	json_decref(containers->policies);
	containers->policies = kept;
}

void containers_forget_policies(struct containers *containers)
{
	json_decref(containers->policies);
	containers->policies = NULL;
}

/* "Starting" is on its way still, and one that has just started may end again. */
static bool is_back(const struct containers *containers, const struct containers_seen *one,
		    const json_t *container, uint64_t now_ms, bool waited)
{
	enum health health = health_of(container);

	if (!is_running(container) || (one->healthy && health != HEALTHY && health != NO_CHECK))
		return false;
	return waited ? was_seen_for_long(containers, container, now_ms) &&
				!has_just_started(containers, container)
		      : is_steady(containers, container, now_ms);
}

void containers_settle(struct containers *containers, const json_t *list, uint64_t now_ms,
		       bool waited)
{
	size_t kept = 0;

	forget_policies(containers, list);
	for (size_t i = 0; i < containers->count; i++) {
		struct containers_seen *one = &containers->before[i];
		const json_t *container = find(list, one->name);

		if (container && !is_back(containers, one, container, now_ms, waited))
			containers->before[kept++] = *one;
		else
			free(one->name);
	}
	containers->count = kept;
}

void containers_free(struct containers *containers)
{
	for (size_t i = 0; i < containers->count; i++)
		free(containers->before[i].name);
	free(containers->before);
	json_decref(containers->policies);
	json_decref(containers->seen_ms);
	*containers = (struct containers){0};
}
