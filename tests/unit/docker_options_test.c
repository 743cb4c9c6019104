/* What user Docker is started with, of the configuration; and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "init/services/docker_options.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_options)};

	return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
