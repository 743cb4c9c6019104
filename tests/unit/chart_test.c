/* The chart of a boot: its bars, the critical path, the picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "init/services/chart.h"
#include "init/services/supervisor.h"
#include "lib/docker/docker.h"

#define BOOT                                                                                       \
	"boot=7\nslot=a\nversion=2026.11.0\nt_init=2000\nt_disk=2600\nt_root=3300\nt_pid1=3400\n"  \
	"t_state=3500\nt_daemons=3600\n"
/* user Docker answers at 22.0; network then takes until 26.0, console until 24.0 */
#define SERVICES                                                                                   \
	"t_manager=3800\nt_system_docker=10000\nuser_docker_service=docker\n"                      \
	"service.docker=running\nservice.docker.required=1\n"                                      \
	"service.console=running\nservice.console.required=1\n"                                    \
	"service.network=running\nservice.network.required=1\n"                                    \
	"service.extra=running\nservice.extra.required=0\n"                                        \
	"service.docker.t_create=10050\nservice.docker.t_start=11000\n"                            \
	"service.docker.t_running=12000\nt_user_docker=22000\n"                                    \
	"service.console.t_create=22010\nservice.console.t_running=24000\n"                        \
	"service.network.t_create=22010\nservice.network.t_start=25000\n"                          \
	"service.network.t_running=26000\n"                                                        \
	"service.extra.t_create=22010\nservice.extra.t_start=23000\n"                              \
	"service.extra.t_running=28000\n"

static void make(const char *boot, const char *services, uint64_t now, struct chart *out)
{
	_cleanup_fields_ struct fields b = {0}, s = {0};

	assert_int_equal(fields_parse(boot, strlen(boot), &b, NULL), 0);
	assert_int_equal(fields_parse(services, strlen(services), &s, NULL), 0);
	chart_make(&b, &s, now, out);
}

static const struct chart_bar *bar(const struct chart *chart, const char *name)
{
	for (size_t i = 0; i < chart->count; i++)
		if (strcmp(chart->bars[i].name, name) == 0)
			return &chart->bars[i];
	return NULL;
}

static void assert_path(const struct chart *chart, const char *expected)
{
	char path[1024] = "";

	for (size_t i = 0; i < chart->path_count; i++) {
		strcat(path, i ? ", " : "");
		strcat(path, chart->bars[chart->path[i]].name);
	}
	assert_string_equal(path, expected);
}

#define STAGES                                                                                     \
	"kernel, finds the disk, verifies the root, switches the root, mounts the state, "         \
	"prepares the daemons"

static void test_bars(void **state)
{
	struct chart chart;
	const struct chart_bar *network;

	(void)state;
	make(BOOT "t_gate=29000\nt_settled=1830000\n", SERVICES, 99999, &chart);
	assert_int_equal(chart.count, 14);
	assert_int_equal(chart.boot, 7);
	assert_int_equal(chart.gate, 29000);
	assert_int_equal(chart.end, 29000); /* half an hour until settled would dwarf the rest */
	network = bar(&chart, "network");
	assert_int_equal(network->start, 22010);
	assert_int_equal(network->middle, 25000);
	assert_int_equal(network->end, 26000);
	assert_int_equal(bar(&chart, "System Docker answers")->start, 3600);
	assert_int_equal(bar(&chart, "user Docker answers")->start, 12000);
	/* `extra` is not required: the gate has not waited for it. */
	assert_int_equal(bar(&chart, "health gate")->start, 26000);
	assert_path(&chart, STAGES ", System Docker answers, docker, user Docker answers, network, "
				   "health gate");
}

static void test_unfinished(void **state)
{
	static const struct {
		const char *rule, *boot, *services, *path;
	} rows[] = {
		{"the initramfs looks for the disk", "slot=a\nt_init=2000\nt_disk=0\n", "",
		 "kernel, finds the disk"},
		{"nothing is known", "", "", "kernel"},
		{"a /var of memory, since the state partition is gone",
		 "t_init=2000\nt_disk=2600\nt_root=3300\nt_pid1=3400\nt_state=0\nt_daemons=3600\n",
		 "",
		 "kernel, finds the disk, verifies the root, switches the root, "
		 "prepares the daemons, System Docker answers"},
		{"no service manager yet", BOOT, "", STAGES ", System Docker answers"},
		{"System Docker is silent", BOOT, "t_manager=3800\n",
		 STAGES ", System Docker answers"},
		{"user Docker is silent", BOOT,
		 "t_system_docker=10000\nuser_docker_service=docker\nservice.docker=running\n"
		 "service.docker.required=1\nservice.docker.t_create=10050\n"
		 "service.docker.t_start=11000\nservice.docker.t_running=12000\n",
		 STAGES ", System Docker answers, docker, user Docker answers"},
		{"a service does not start", BOOT,
		 SERVICES
		 "service.udev=down\nservice.udev.required=1\nservice.udev.t_create=22020\n",
		 STAGES ", System Docker answers, docker, user Docker answers, udev"},
		{"all run, the gate waits a little", BOOT, SERVICES,
		 STAGES
		 ", System Docker answers, docker, user Docker answers, network, health gate"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chart chart;
		const struct chart_bar *last;

		print_message("  %s\n", rows[i].rule);
		make(rows[i].boot, rows[i].services, 40000, &chart);
		assert_path(&chart, rows[i].path);
		last = &chart.bars[chart.path[chart.path_count - 1]];
		assert_true(last->open);
		assert_int_equal(last->end, 40000);
		assert_int_equal(chart.end, 40000);
	}
}

/* Times out of order, too large, or equal: no bar ends before it begins, and the path ends. */
static void test_odd_times(void **state)
{
	struct chart chart;
	char services[8192] = "t_system_docker=3600\nuser_docker_service=s0\n";

	(void)state;
	for (int i = 0; i < 100; i++)
		sprintf(services + strlen(services), "service.s%d=x\nservice.s%d.t_create=%d\n", i,
			i, 3600);
	make("t_init=9\nt_disk=5\nt_root=18446744073709551615\n", "", 20, &chart);
	assert_int_equal(bar(&chart, "finds the disk")->start, 9);
	assert_int_equal(bar(&chart, "finds the disk")->end, 9);
	assert_true(bar(&chart, "verifies the root")->open);
	make("t_init=1\nt_disk=1\nt_root=1\nt_pid1=1\nt_state=1\nt_daemons=1\nt_gate=1\n",
	     "t_system_docker=1\nt_manager=1\n", 20, &chart);
	assert_path(&chart, STAGES ", service manager, System Docker answers, health gate");
	make(BOOT, services, UINT64_MAX, &chart);
	assert_int_equal(chart.count, CHART_BARS_MAX);
	for (size_t i = 0; i < chart.count; i++)
		assert_true(chart.bars[i].start <= chart.bars[i].middle &&
			    chart.bars[i].middle <= chart.bars[i].end);
}

static void print(const struct chart *chart, void (*how)(FILE *, const struct chart *), char *out,
		  size_t size)
{
	FILE *stream = fmemopen(out, size, "w");

	how(stream, chart);
	fclose(stream);
}

static void test_text(void **state)
{
	struct chart chart;
	char out[8192];

	(void)state;
	make(BOOT "t_gate=29000\n", SERVICES, 99999, &chart);
	print(&chart, chart_print, out, sizeof(out));
	assert_non_null(strstr(out, "Boot 7 of slot a, version 2026.11.0: the health gate passed "
				    "29.00 s after the kernel started\n"));
	assert_non_null(strstr(out, "\n     2.00      0.60  initramfs finds the disk\n"));
	assert_non_null(strstr(out, "\n    22.01      3.99  service network (created in 2.99, "
				    "started in 1.00)\n"));
	assert_non_null(strstr(out, "\n    26.00      3.00  health gate\n"));
	make(BOOT, "t_manager=3800\n", 40000, &chart);
	print(&chart, chart_print, out, sizeof(out));
	assert_non_null(strstr(out, "has not passed, 40.00 s"));
	assert_non_null(strstr(out, "System Docker answers (not yet)\n"));
}

static void test_svg(void **state)
{
	struct chart chart;
	char first[1 << 16], second[1 << 16];

	(void)state;
	make(BOOT "t_gate=29000\nt_settled=1830000\n",
	     SERVICES "service.<&\">\x01\xff=x\nservice.<&\">\x01\xff.t_create=22010\n", 1, &chart);
	print(&chart, chart_print_svg, first, sizeof(first));
	assert_non_null(strstr(first, ">service &lt;&amp;&quot;&gt;?"
				      "?</text>"));
	assert_null(strstr(first, "<&"));
	assert_non_null(strstr(first, "settled after 1830.00 s</text>"));
	/* 2 of 29 seconds on 1000 pixels */
	assert_non_null(
		strstr(first, "<rect class=\"kernel\" x=\"190.00\" y=\"70\" width=\"68.96\""));
	assert_non_null(strstr(first, "<rect class=\"create\" x=\"948.96\""));
	assert_non_null(strstr(first, "<rect class=\"service open\""));
	print(&chart, chart_print_svg, second, sizeof(second));
	assert_string_equal(first, second);
	make("", "", 0, &chart);
	print(&chart, chart_print_svg, first, sizeof(first));
	assert_non_null(strstr(first, "</svg>\n"));
}

static void test_json(void **state)
{
	_cleanup_json_ json_t *json = NULL;
	struct chart chart;
	const json_t *gate;

	(void)state;
	make(BOOT "t_gate=29000\n", SERVICES, 99999, &chart);
	json = chart_json(&chart);
	assert_int_equal(json_array_size(json_object_get(json, "bars")), chart.count);
	assert_int_equal(json_array_size(json_object_get(json, "path")), chart.path_count);
	gate = json_array_get(json_object_get(json, "bars"), chart.count - 1);
	assert_string_equal(json_string_value(json_object_get(gate, "class")), "gate");
	assert_int_equal(json_integer_value(json_object_get(gate, "end")), 29000);
}

/* What one service manager noted, the next one goes on from; what happens again changes nothing. */
static void test_times(void **state)
{
	static const struct service_spec specs[] = {{.name = "docker"}, {.name = "console"}};
	_cleanup_fields_ struct fields fields = {0};
	struct supervisor *one = calloc(2, sizeof(*one)), *other = &one[1];
	uint64_t first = 0, again;
	char text[1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	times_note(&first);
	assert_true(first > 0);
	again = first = 5;
	times_note(&again);
	assert_int_equal(again, first);

	one->count = other->count = 2;
	for (size_t i = 0; i < 2; i++)
		one->services[i].spec = other->services[i].spec = &specs[i];
	one->times.system_docker = 10000;
	one->services[1].times.create = 11000;
	one->services[1].times.running = 12000;
	times_print(out, one);
	fclose(out);
	assert_string_equal(text, "t_system_docker=10000\nservice.console.t_create=11000\n"
				  "service.console.t_running=12000\n");
	assert_int_equal(fields_parse(text, strlen(text), &fields, NULL), 0);
	other->times.manager = 7;
	times_restore(other, &fields);
	assert_int_equal(other->times.manager, 7);
	assert_int_equal(other->times.system_docker, 10000);
	assert_int_equal(other->services[0].times.create, 0);
	assert_int_equal(other->services[1].times.create, 11000);
	assert_int_equal(other->services[1].times.running, 12000);
	free(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bars),      cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_odd_times), cmocka_unit_test(test_text),
		cmocka_unit_test(test_svg),       cmocka_unit_test(test_json),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
