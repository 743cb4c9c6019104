/* What user Docker is started with, of the configuration; and without. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/docker_options.h"
#include "init/supervise/docker_args.h"
#include "lib/cleanup.h"
#include "tests/unit/support/scratch.h"

static const char services[] = "services:\n  docker:\n    image: i\n    user_docker: true\n"
			       "    command: [dockerd, --own]\n    environment: [A=1]\n";

static void assert_list(const struct spec_list *list, const char *expected)
{
	char found[1024] = "";

	for (size_t i = 0; i < list->count; i++) {
		strcat(found, i ? " " : "");
		strcat(found, list->items[i]);
	}
	assert_string_equal(found, expected);
}

static void apply(const char *text, struct docker_options *base, struct services_file *file)
{
	_cleanup_whole_config_ struct config config = {0};

	scratch_config(text, &config);
	assert_int_equal(docker_options_apply(&config, base, &file->services[0]), 0);
}

static void test_options(void **state)
{
	struct docker_options base = {0};
	struct services_file file = {0};
	const struct service_spec *spec;
	char why[128];

	(void)state;
	assert_int_equal(services_file_parse(services, strlen(services), "s", &file, NULL), 0);
	spec = &file.services[0];
	apply("hostname: x\n", &base, &file);
	assert_list(&spec->command, "dockerd --own --log-driver=local");
	assert_list(&spec->environment, "A=1");
	/* The default is no cause for anything. */
	assert_false(docker_options_drop(&base, &file.services[0], why, sizeof(why)));
	assert_list(&spec->command, "dockerd --own --log-driver=local");

	/* Anew, and not in addition. */
	for (int i = 0; i < 2; i++)
		apply("proa:\n  docker:\n    log_driver: json-file\n    log_opts: {max-size: 1m, "
		      "max-file: 3}\n    registry_mirrors: [\"https://m.example\", "
		      "\"http://n.example:5000\"]\n    insecure_registries: [192.0.2.0/24]\n"
		      "    bip: 10.9.0.1/24\n    extra_args: [--label=rack=7]\n    debug: yes\n"
		      "    environment: {B: two words}\n"
		      "  network: {http_proxy: \"http://p.example:3128\", no_proxy: \"a,b\"}\n",
		      &base, &file);
	assert_list(&spec->command,
		    "dockerd --own --log-driver=json-file --log-opt=max-size=1m "
		    "--log-opt=max-file=3 --registry-mirror=https://m.example "
		    "--registry-mirror=http://n.example:5000 --insecure-registry=192.0.2.0/24 "
		    "--bip=10.9.0.1/24 --label=rack=7 --debug");
	assert_list(&spec->environment, "A=1 HTTP_PROXY=http://p.example:3128 "
					"http_proxy=http://p.example:3128 NO_PROXY=a,b "
					"no_proxy=a,b B=two words");
	assert_true(docker_options_drop(&base, &file.services[0], why, sizeof(why)));
	assert_list(&spec->command, "dockerd --own");
	assert_list(&spec->environment, "A=1");
	/* Once: then they are not what ails it. */
	assert_false(docker_options_drop(&base, &file.services[0], why, sizeof(why)));
	services_file_free(&file);
}

/* For PID 1, which knows its own arguments. */
static void test_system(void **state)
{
	_cleanup_whole_config_ struct config config = {0};
	struct docker_args args;

	(void)state;
	scratch_config("hostname: x\n", &config);
	assert_int_equal(docker_options_system(&config, "args", NULL), 0);
	assert_int_equal(access("args", F_OK), -1);
	config_free(&config);
	scratch_config(
		"proa:\n  system_docker: {extra_args: [--label=rack=7], log_opts: {max-size: "
		"1m}, environment: {A: b c}}\n  docker: {debug: true}\n"
		"  network: {https_proxy: \"http://p.example:3128\"}\n",
		&config);
	assert_int_equal(docker_options_system(&config, "args", NULL), 0);
	scratch_assert("args", "--log-opt=max-size=1m\n--label=rack=7\n"
			       "HTTPS_PROXY=http://p.example:3128\n"
			       "https_proxy=http://p.example:3128\nA=b c\n");
	docker_args_read("args", &args);
	assert_int_equal(args.arguments_count, 2);
	assert_string_equal(args.arguments[1], "--label=rack=7");
	assert_int_equal(args.environment_count, 3);
	assert_string_equal(args.environment[2], "A=b c");
	/* Taken back. */
	config_free(&config);
	scratch_config("hostname: x\n", &config);
	assert_int_equal(docker_options_system(&config, "args", NULL), 0);
	docker_args_read("args", &args);
	assert_int_equal(args.arguments_count + args.environment_count, 0);
}

/* What PID 1 would leave out is refused, with what is too much, and what was there stays. */
static void test_too_much(void **state)
{
	_cleanup_whole_config_ struct config config = {0};
	struct error err = ERROR_INIT;
	char text[DOCKER_OPTIONS_SIZE + 256];
	size_t used;

	(void)state;
	assert_int_equal(DOCKER_OPTIONS_MAX, DOCKER_ARGS_MAX);
	assert_int_equal(DOCKER_OPTIONS_SIZE + 1, DOCKER_ARGS_SIZE);
	scratch_put("args", "--label=rack=7\n");
	used = (size_t)snprintf(text, sizeof(text), "proa: {system_docker: {extra_args: [");
	for (size_t i = 0; i <= DOCKER_OPTIONS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "--label=%zu, ", i);
	snprintf(text + used, sizeof(text) - used, "]}}\n");
	scratch_config(text, &config);
	assert_int_equal(docker_options_system(&config, "args", &err), -E2BIG);
	assert_non_null(strstr(err.message, "more than 64 arguments"));
	scratch_assert("args", "--label=rack=7\n");
	config_free(&config);
	used = (size_t)snprintf(text, sizeof(text), "proa: {system_docker: {extra_args: [\"--a=");
	memset(text + used, 'a', DOCKER_OPTIONS_SIZE);
	snprintf(text + used + DOCKER_OPTIONS_SIZE, sizeof(text) - used - DOCKER_OPTIONS_SIZE,
		 "\"]}}\n");
	scratch_config(text, &config);
	assert_int_equal(docker_options_system(&config, "args", &err), -E2BIG);
	scratch_assert("args", "--label=rack=7\n");
}

/* What stands there is bounded, whoever wrote it. */
static void test_odd_args(void **state)
{
	struct docker_args args;
	char text[DOCKER_ARGS_SIZE + 1];

	(void)state;
	docker_args_read("none", &args);
	assert_int_equal(args.arguments_count, 0);
	scratch_put("odd", "-x\n\n=3\nwords\n--ok\n");
	docker_args_read("odd", &args);
	assert_int_equal(args.arguments_count, 1);
	assert_int_equal(args.environment_count, 0);
	memset(text, '\n', sizeof(text));
	memcpy(text, "--a", 3);
	text[DOCKER_ARGS_SIZE - 1] = '\0';
	scratch_put("odd", text);
	docker_args_read("odd", &args);
	assert_int_equal(args.arguments_count, 1);
	text[DOCKER_ARGS_SIZE - 1] = '\n';
	text[DOCKER_ARGS_SIZE] = '\0';
	scratch_put("odd", text);
	docker_args_read("odd", &args);
	assert_int_equal(args.arguments_count, 0);
	for (size_t i = 0; i < DOCKER_ARGS_MAX + 8; i++)
		memcpy(text + 4 * i, "--b\n", 4);
	text[4 * (DOCKER_ARGS_MAX + 8)] = '\0';
	scratch_put("odd", text);
	docker_args_read("odd", &args);
	assert_int_equal(args.arguments_count, DOCKER_ARGS_MAX);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	docker_args_read("pipe", &args);
	assert_int_equal(args.arguments_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options), cmocka_unit_test(test_system),
		cmocka_unit_test(test_too_much), cmocka_unit_test(test_odd_args)};

	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
