/* The services file, what a service becomes for the Docker API, and its life cycle. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "init/services/added.h"
#include "init/services/supervisor.h"
#include "lib/cleanup.h"
#include "tests/unit/support/scratch.h"

#define DOCKER "services:\n  docker:\n    image: proa/os\n    user_docker: true\n"

static void test_broken_files(void **state)
{
	static const struct {
		const char *rule, *text, *says;
	} rows[] = {
		{"empty", "", "is empty"},
		{"not YAML", "services: [a, }", "line 1, column 15"},
		{"a list at the top", "- a\n", "line 1, column 1: the file must be a mapping"},
		{"unknown key at the top", "version: 3\n",
		 "line 1, column 1: unknown key \"version\""},
		{"services twice", DOCKER "services: {}\n", "line 5, column 1: superfluous key"},
		{"services is a list", "services: []\n", "services must be a mapping"},
		{"no service", "services: {}\n", "there must be 1 to 64"},
		{"bad name", "services:\n  Docker:\n    image: x\n",
		 "line 2, column 3: a service's name"},
		{"service is a text", "services:\n  a: b\n", "line 2, column 6: service a must be"},
		{"service twice", DOCKER "  docker:\n    image: x\n",
		 "service docker stands twice"},
		{"unknown key", DOCKER "    ports: [\"80:80\"]\n",
		 "line 5, column 5: unknown key \"ports\" in service docker"},
		{"key twice", DOCKER "    image: b\n", "line 5, column 5: image stands twice"},
		{"check without test", DOCKER "    healthcheck: {interval: 5s}\n",
		 "healthcheck.test must be [CMD, PROGRAM, ARGUMENT…]"},
		{"check of another kind", DOCKER "    healthcheck: {test: [NONE, x]}\n",
		 "healthcheck.test must be"},
		{"check is a list", DOCKER "    healthcheck: [CMD, x]\n", "must be a mapping"},
		{"check with an unknown key", DOCKER "    healthcheck: {test: [CMD, x], tes: 1}\n",
		 "unknown key \"healthcheck.tes\" in service"},
		{"check by its full name", DOCKER "    healthcheck.test: [CMD, x]\n", "unknown key"},
		{"retries too many", DOCKER "    healthcheck: {test: [CMD, x], retries: 101}\n",
		 "from 1 to 100"},
		{"no image", "services:\n  a:\n    privileged: true\n", "service a needs an image"},
		{"image is a list", "services:\n  a:\n    image: [x]\n",
		 "line 3, column 12: image must"},
		{"image with a NUL", "services:\n  a:\n    image: \"x\\0y\"\n",
		 "image must be a text"},
		{"command is a text", DOCKER "    command: dockerd\n", "command must be a list"},
		{"list in a list", DOCKER "    command: [[a]]\n",
		 "line 5, column 15: an item of command"},
		{"environment nested", DOCKER "    environment: {A: [b]}\n",
		 "environment must hold"},
		{"yes is no boolean", DOCKER "    read_only: yes\n",
		 "read_only must be true or false"},
		{"seconds without unit", DOCKER "    stop_grace_period: 10\n", "from 1s to 3600s"},
		{"seconds at the limit + 1", DOCKER "    stop_grace_period: 3601s\n", "from 1s"},
		{"oom_score_adj too low", DOCKER "    oom_score_adj: -1001\n",
		 "from -1000 to 1000"},
		{"number too long", DOCKER "    oom_score_adj: 99999999999999999999\n",
		 "oom_score_adj"},
		{"waits for nobody", DOCKER "    depends_on: [x]\n",
		 "waits for \"x\", which is not"},
		{"waits for itself", DOCKER "    after: [docker]\n",
		 "service docker waits for itself"},
		{"a circle of two",
		 DOCKER "    after: [b]\n  b:\n    image: x\n    depends_on: [docker]\n",
		 "waits for itself"},
		{"no user Docker", "services:\n  a:\n    image: x\n", "exactly one service"},
		{"two user Dockers", DOCKER "  b:\n    image: x\n    user_docker: true\n", "2 do"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct services_file file = {0};
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].rule);
		assert_int_equal(services_file_parse(rows[i].text, strlen(rows[i].text), "file.yml",
						     &file, &err),
				 -EINVAL);
		if (!strstr(err.message, rows[i].says))
			fail_msg("\"%s\" is not in \"%s\"", rows[i].says, err.message);
		assert_int_equal(strncmp(err.message, "file.yml", 8), 0);
		assert_null(file.services);
	}
}

/* A list may be long, and no longer. */
static void test_list_limit(void **state)
{
	for (size_t extra = 0; extra < 2; extra++) {
		char text[8192] = DOCKER "    command: [a";
		struct services_file file = {0};
		int r;

		(void)state;
		for (size_t i = 1; i < SPEC_LIST_MAX + extra; i++)
			strcat(text, ",a");
		strcat(text, "]\n");
		r = services_file_parse(text, strlen(text), "f", &file, NULL);
		assert_int_equal(r, extra ? -EINVAL : 0);
		services_file_free(&file);
	}
}

/* The file that goes into the image. */
static void test_real_file(void **state)
{
	struct services_file file = {0};
	struct error err = ERROR_INIT;
	int r = services_file_read("images/services/services.yml", &file, &err);

	(void)state;
	if (r < 0)
		fail_msg("%s", err.message);
	assert_true(services_file_find(&file, "docker")->user_docker);
	assert_non_null(services_file_find(&file, "udev"));
	assert_non_null(services_file_find(&file, "network"));
	assert_non_null(services_file_find(&file, "console"));
	assert_null(services_file_find(&file, "nothing"));
	services_file_free(&file);
}

static void parse(const char *text, struct services_file *file)
{
	struct error err = ERROR_INIT;

	if (services_file_parse(text, strlen(text), "test", file, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_container(void **state)
{
	struct services_file file = {0};
	char config[HASH_HEX_SIZE], again[HASH_HEX_SIZE];
	_cleanup_free_ char *text = NULL;
	json_t *body;

	(void)state;
	parse(DOCKER "    command: [a, \"b c\"]\n    environment: {K: v}\n"
		     "    tmpfs: [/tmp, \"/run:size=1m\"]\n    volumes: [\"/a:/b:rshared\"]\n"
		     "    security_opt: [systempaths=unconfined, seccomp=unconfined]\n"
		     "    network_mode: host\n    stop_grace_period: 7s\n    oom_score_adj: -5\n"
		     "  other:\n    image: proa/os\n",
	      &file);
	/* All but user Docker share a shim. */
	body = container_body(services_file_find(&file, "other"), "release", config);
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_object_get(body, "HostConfig"), "Annotations"),
			"io.containerd.runc.v2.group")),
		"proa");
	json_decref(body);
	body = container_body(&file.services[0], "release", config);
	assert_non_null(body);
	assert_string_equal(json_string_value(json_object_get(json_object_get(body, "Labels"),
							      CONTAINER_LABEL_CONFIG)),
			    config);
	json_object_del(json_object_get(body, "Labels"), CONTAINER_LABEL_CONFIG);
	json_object_del(json_object_get(body, "HostConfig"), "LogConfig");
	text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(
		text, "{\"Cmd\":[\"a\",\"b c\"],\"Env\":[\"K=v\"],\"HostConfig\":{"
		      "\"Binds\":[\"/a:/b:rshared\"],\"MaskedPaths\":[],\"NetworkMode\":\"host\","
		      "\"OomScoreAdj\":-5,\"Privileged\":false,\"ReadonlyPaths\":[],"
		      "\"ReadonlyRootfs\":false,\"RestartPolicy\":{\"Name\":\"no\"},"
		      "\"SecurityOpt\":[\"seccomp=unconfined\"],"
		      "\"Tmpfs\":{\"/run\":\"size=1m\",\"/tmp\":\"\"}},\"Image\":\"proa/os\","
		      "\"Labels\":{\"proa.service\":\"docker\"},\"StopTimeout\":7}");
	json_decref(body);

	/* The same is the same; another release or another line is not. */
	json_decref(container_body(&file.services[0], "release", again));
	assert_string_equal(config, again);
	json_decref(container_body(&file.services[0], "other", again));
	assert_string_not_equal(config, again);
	file.services[0].privileged = true;
	json_decref(container_body(&file.services[0], "release", again));
	assert_string_not_equal(config, again);
	services_file_free(&file);
}

static void test_backoff(void **state)
{
	static const struct {
		unsigned failures;
		uint64_t wait_ms;
	} rows[] = {{0, 100},    {1, 100},    {2, 200},        {3, 400},
		    {10, 51200}, {11, 60000}, {1000000, 60000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(service_backoff_ms(rows[i].failures), rows[i].wait_ms);
}

/* Two services and a System Docker that is there, but never answers. */
static struct supervisor *make(void)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));

	assert_non_null(supervisor);
	parse(DOCKER "    read_only: true\n  late:\n    image: x\n    after: [docker]\n"
		     "  needs:\n    image: x\n    depends_on: [docker]\n",
	      &supervisor->file);
	supervisor->loop = docker_loop_new(NULL);
	supervisor->system_socket = "/nonexistent/docker.sock";
	supervisor->report.console_fd = 1;
	supervisor->link.state = LINK_UP;
	supervisor->count = supervisor->file.count;
	for (size_t i = 0; i < supervisor->count; i++) {
		struct service *service = &supervisor->services[i];

		service->supervisor = supervisor;
		service->spec = &supervisor->file.services[i];
		service->body = container_body(service->spec, "", service->config);
	}
	supervisor->user_docker.service = &supervisor->services[0];
	return supervisor;
}

static void drop(struct supervisor *supervisor)
{
	docker_loop_free(supervisor->loop);
	for (size_t i = 0; i < supervisor->count; i++)
		json_decref(supervisor->services[i].body);
	services_file_free(&supervisor->file);
	free(supervisor);
}

static void test_adoption(void **state)
{
	static const struct {
		const char *rule;
		enum service_state before;
		bool ours, running, same;
		size_t service; /* 0: read-only, 1: writable */
		enum service_state after;
		bool stale;
	} rows[] = {
		{"runs and is unchanged: left alone", SERVICE_DOWN, false, true, true, 0,
		 SERVICE_RUNNING, false},
		{"runs, but was made from something else: made anew", SERVICE_DOWN, false, true,
		 false, 0, SERVICE_DOWN, true},
		{"ended, read-only, unchanged: started again", SERVICE_DOWN, false, false, true, 0,
		 SERVICE_DOWN, false},
		{"ended, changed: made anew", SERVICE_DOWN, false, false, false, 0, SERVICE_DOWN,
		 true},
		{"ended in an earlier boot, writable: made anew", SERVICE_DOWN, false, false, true,
		 1, SERVICE_DOWN, true},
		{"ended in this boot, writable: started again", SERVICE_DOWN, true, false, true, 1,
		 SERVICE_DOWN, false},
		{"runs as before", SERVICE_RUNNING, true, true, true, 0, SERVICE_RUNNING, false},
		{"its end was missed", SERVICE_RUNNING, true, false, true, 0, SERVICE_DOWN, false},
		{"a request is under way: nothing", SERVICE_STARTING, true, false, true, 0,
		 SERVICE_STARTING, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct supervisor *supervisor = make();
		struct service *service = &supervisor->services[rows[i].service];

		print_message("  %s\n", rows[i].rule);
		service->state = rows[i].before;
		strcpy(service->container, rows[i].ours ? "id" : "");
		service_adopt(service, "id", rows[i].running, rows[i].same, 1000);
		assert_int_equal(service->state, rows[i].after);
		assert_int_equal(service->stale, rows[i].stale);
		assert_string_equal(service->container, "id");
		drop(supervisor);
	}
}

static void test_order(void **state)
{
	struct supervisor *supervisor = make();
	struct service *docker = &supervisor->services[0], *late = &supervisor->services[1],
		       *needs = &supervisor->services[2];

	(void)state;
	service_step(late, 10);
	service_step(needs, 10);
	assert_int_equal(late->state, SERVICE_DOWN);
	assert_int_equal(needs->state, SERVICE_DOWN);
	/* Its container runs, its API doesn't answer yet. */
	docker->state = SERVICE_RUNNING;
	service_step(late, 20);
	assert_int_equal(late->state, SERVICE_DOWN);
	supervisor->user_docker.answers = true;
	service_step(needs, 30);
	assert_int_equal(needs->state, SERVICE_CREATING);
	/* It has failed once: `after` waits no longer, `depends_on` does. */
	service_ended(docker, "ended", 40);
	needs->state = SERVICE_DOWN;
	service_step(late, 50);
	service_step(needs, 50);
	assert_int_equal(late->state, SERVICE_CREATING);
	assert_int_equal(needs->state, SERVICE_DOWN);
	drop(supervisor);
}

static void test_failures(void **state)
{
	struct supervisor *supervisor = make();
	struct service *service = &supervisor->services[1];

	(void)state;
	supervisor->user_docker.answers = true;
	supervisor->services[0].state = SERVICE_RUNNING;
	strcpy(service->container, "id");
	service->state = SERVICE_RUNNING;
	assert_false(service_has_run(service, 30000, SERVICE_SETTLED_MS - 1));
	assert_true(service_has_run(service, 30000, SERVICE_SETTLED_MS));
	service_ended(service, "ended", 1000);
	/* From now on the gate wants to see it run for longer. */
	assert_false(service_has_run(service, 30000, 29999));
	assert_true(service_has_run(service, 30000, 30000));
	assert_int_equal(service->failures, 1);
	assert_int_equal(service->retry_ms, 1100);
	service_step(service, 1099);
	assert_int_equal(service->state, SERVICE_DOWN);
	service_step(service, 1100);
	assert_int_equal(service->state, SERVICE_STARTING);
	/* It ends before its start is confirmed: seen, and judged when that comes. */
	service_ended(service, "ended", 1101);
	assert_true(service->died);
	assert_int_equal(service->state, SERVICE_STARTING);
	/* The third failure in a row: the container itself is not trusted any more. */
	service->failures = 2;
	service->state = SERVICE_RUNNING;
	service->started_ms = 1200;
	service_ended(service, "ended", 1300);
	assert_true(service->stale);
	service_step(service, 2000);
	assert_int_equal(service->state, SERVICE_REMOVING);
	/* A long run forgives. */
	service->state = SERVICE_RUNNING;
	service->started_ms = 2000;
	service->failures = 9;
	service_ended(service, "ended", 2000 + SERVICE_STABLE_MS);
	assert_int_equal(service->failures, 1);
	drop(supervisor);
}

/* What a person adds, beside the image's own. */
static void test_added(void **state)
{
	static const char own[] = "services:\n  docker: {image: i, user_docker: true}\n";
	static const struct {
		const char *text;
		int result;
		const char *says;
	} rows[] = {
		{"services: {a: {image: x, depends_on: [docker]}}\n", 0, ""},
		{"services: {b: {image: x, after: [a]}}\n", 0, ""},
		{"services: {docker: {image: x}}\n", -EEXIST, "there is a service docker already"},
		{"services: {c: {image: x, user_docker: true}}\n", -EINVAL,
		 "cannot be user Docker"},
		{"services: {c: {image: x, after: [nobody]}}\n", -EINVAL, "not in the file"},
		{"services: {c: {image: x, depends_on: [c]}}\n", -EINVAL, "waits for itself"},
		{"services: {c: {}}\n", -EINVAL, "needs an image"},
	};
	struct services_file file = {0};

	(void)state;
	assert_int_equal(services_file_parse(own, strlen(own), "s", &file, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = ERROR_INIT;
		int r = services_file_add(&file, rows[i].text, strlen(rows[i].text), "x", &err);

		if (r != rows[i].result || !strstr(err.message, rows[i].says))
			fail_msg("%s: %d %s", rows[i].text, r, err.message);
	}
	assert_int_equal(file.count, 3);
	assert_false(services_file_find(&file, "a")->required);
	assert_true(services_file_find(&file, "docker")->required);
	services_file_free(&file);
}

/* The same out of a configuration: each by itself, in whatever order they stand. */
static void test_added_by_configuration(void **state)
{
	static const char own[] = "services:\n  docker: {image: i, user_docker: true}\n";
	_cleanup_whole_config_ struct config config = {0};
	_cleanup_free_ char *said = NULL;
	struct services_file file = {0};

	(void)state;
	assert_int_equal(services_file_parse(own, strlen(own), "s", &file, NULL), 0);
	scratch_config("proa:\n  services:\n    late: {image: x, depends_on: [early]}\n"
		       "    wrong: {image: x, imag: y}\n    early: {image: y, command: [a, b c]}\n"
		       "    docker: {image: z}\n",
		       &config);
	assert_int_equal(added_services(&config, &file), 0);
	said = scratch_problems(&config);
	assert_int_equal(file.count, 3);
	assert_string_equal(file.services[1].name, "early");
	assert_string_equal(file.services[1].command.items[1], "b c");
	assert_string_equal(file.services[2].name, "late");
	assert_non_null(strstr(said, "conf/a.yml:4:5: error: proa.services: wrong is left out: "
				     "unknown key \"imag\""));
	assert_non_null(strstr(said, "conf/a.yml:6:5: error: proa.services: docker is left out: "));
	services_file_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_list_limit),
		cmocka_unit_test(test_real_file),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_order),
		cmocka_unit_test_setup_teardown(test_added_by_configuration, scratch_set_up,
						scratch_tear_down),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
