/* Layers of a configuration: paths, merging, printing, what is left of what is in error. */
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

#include "lib/cleanup.h"
#include "lib/config/emit.h"
#include "lib/config/layers.h"
#include "lib/config/merge.h"
#include "lib/config/yaml.h"
#include "lib/io.h"

static const struct config_place place = {.source = "here"};

static void read_tree(const char *text, struct config_node *out)
{
	_cleanup_problems_ struct config_problems problems = {0};

	assert_int_equal(config_read_yaml("f", text, strlen(text), out, &problems), 0);
	assert_int_equal(problems.count, 0);
}

static char *printed(const struct config_node *tree, bool places, enum config_secrets secrets)
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	assert_int_equal(places ? config_emit_places(stream, tree, secrets)
				: config_emit(stream, tree, secrets),
			 0);
	fclose(stream);
	return out;
}

/* What is printed is what was read. */
static void test_emit(void **state)
{
	static const char *const texts[] = {
		"hostname: web-1\n",
		"a: \"\"\n",
		"a: \"~\"\nb: \"null\"\nc: ~\n",
		"a:\n- x\n- - y\n  - \"5\"\nb: {}\nc: []\n",
		"a: |-\n  one\n  two\nb: |\n  with an end\n",
		"\"\": x\n\"~\": y\n",
		"a: \"\\0x\"\n" /* refused when read: see config_test */,
		"a: \"tab\\there\"\n",
		"a: ü\n",
		"a:\n- \"-\"\n- -x\n- \"?x\"\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_config_ struct config_node tree = {0};
		_cleanup_free_ char *out = NULL;

		if (strstr(texts[i], "\\0"))
			continue;
		read_tree(texts[i], &tree);
		out = printed(&tree, false, CONFIG_SHOW_SECRETS);
		assert_string_equal(out, texts[i]);
	}
}

static void test_secrets(void **state)
{
	_cleanup_config_ struct config_node tree = {0};
	_cleanup_free_ char *yaml = NULL, *places = NULL;

	(void)state;
	read_tree("proa: {password: se cret, services: {a: {password: own}}}\n", &tree);
	yaml = printed(&tree, false, CONFIG_MASK_SECRETS);
	places = printed(&tree, true, CONFIG_MASK_SECRETS);
	assert_null(strstr(yaml, "se cret"));
	assert_null(strstr(places, "se cret"));
	assert_non_null(strstr(yaml, "password: '********'"));
	free(ptr_take(yaml));
	yaml = printed(&tree, false, CONFIG_SHOW_SECRETS);
	assert_non_null(strstr(yaml, "password: se cret"));
}

static void test_merge(void **state)
{
	static const struct {
		const char *base, *over, *result;
	} rows[] = {
		{"{}", "hostname: a\n", "hostname: a\n"},
		{"hostname: a\nb: c\n", "hostname: d\n", "hostname: d\nb: c\n"},
		{"m: {a: 1, b: 2}\n", "m: {b: 3, c: 4}\n", "m:\n  a: 1\n  b: 3\n  c: 4\n"},
		{"l: [a, b]\n", "l: [c]\n", "l:\n- c\n"},
		{"m: {a: 1}\n", "m: x\n", "m: x\n"},
		{"m: x\n", "m: {a: 1}\n", "m:\n  a: 1\n"},
		{"m: {a: 1}\n", "m: ~\n", "m:\n  a: 1\n"},
		{"m: {a: 1}\n", "m: {}\n", "m:\n  a: 1\n"},
		{"l: [a]\n", "l: []\n", "l: []\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_config_ struct config_node base = {0}, over = {0};
		_cleanup_free_ char *out = NULL;

		read_tree(rows[i].base, &base);
		read_tree(rows[i].over, &over);
		assert_int_equal(config_merge(&base, &over), 0);
		out = printed(&base, false, CONFIG_SHOW_SECRETS);
		assert_string_equal(out, rows[i].result);
	}
}

static void test_paths(void **state)
{
	static const struct {
		const char *text;
		const char *made; /* NULL: it is none */
	} rows[] = {
		{"hostname", "hostname: x\n"},
		{"proa.ssh.port", "proa:\n  ssh:\n    port: x\n"},
		{"rancher.ssh.port", "proa:\n  ssh:\n    port: x\n"},
		{"runcmd[0]", "runcmd:\n- x\n"},
		{"runcmd[0][0]", "runcmd:\n- - x\n"},
		{"write_files[0].path", "write_files:\n- path: x\n"},
		{"proa.sysctl.vm.swappiness", "proa:\n  sysctl:\n    vm.swappiness: x\n"},
		{"proa.network.interfaces.\"eth0.10\".mtu",
		 "proa:\n  network:\n    interfaces:\n      eth0.10:\n        mtu: x\n"},
		{"proa.network.interfaces.mac:52:54:00:12:34:56.dhcp",
		 "proa:\n  network:\n    interfaces:\n      mac:52:54:00:12:34:56:\n        dhcp: "
		 "x\n"},
		{"proa.services.web.ports[0]",
		 "proa:\n  services:\n    web:\n      ports:\n      - x\n"},
		{"", NULL},
		{".", NULL},
		{"hostname.", NULL},
		{".hostname", NULL},
		{"hostname.x", NULL},
		{"hostname[0]", NULL},
		{"hostname]", NULL},
		{"runcmd[", NULL},
		{"runcmd[]", NULL},
		{"runcmd[-1]", NULL},
		{"runcmd[99999999999999999999]", NULL},
		{"runcmd[0", NULL},
		{"runcmd.x", NULL},
		{"[0]", NULL},
		{"proa..ssh", NULL},
		{"proa.network.interfaces.\"eth0", NULL},
		{"proa.network.interfaces.\"\".mtu", NULL},
		{"nothing", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_config_ struct config_node tree = {.kind = CONFIG_MAP};
		_cleanup_config_path_ struct config_path path = {0};
		_cleanup_free_ char *out = NULL;
		struct error err = ERROR_INIT;
		int r = config_path_parse(rows[i].text, &path, &err);
		struct config_node *node;

		if (!rows[i].made) {
			if (r != -EINVAL || !strstr(err.message, rows[i].text))
				fail_msg("\"%s\": %d %s", rows[i].text, r, err.message);
			continue;
		}
		if (r < 0)
			fail_msg("\"%s\": %s", rows[i].text, err.message);
		assert_null(config_find(&tree, &path));
		assert_false(config_remove(&tree, &path));
		node = config_make(&tree, &path, &place);
		assert_non_null(node);
		node->kind = CONFIG_TEXT;
		node->text = strdup("x");
		assert_ptr_equal(config_find(&tree, &path), node);
		out = printed(&tree, false, CONFIG_SHOW_SECRETS);
		assert_string_equal(out, rows[i].made);
		assert_true(config_remove(&tree, &path));
		assert_int_equal(tree.count, 0);
	}
}

/* An item behind the next one would leave a hole. */
static void test_hole(void **state)
{
	_cleanup_config_ struct config_node tree = {.kind = CONFIG_MAP};
	_cleanup_config_path_ struct config_path path = {0};

	(void)state;
	assert_int_equal(config_path_parse("runcmd[1]", &path, NULL), 0);
	assert_null(config_make(&tree, &path, &place));
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char *in_folder(const char *folder, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

/* Each layer lies over the one before; what is in error is left out, and named. */
static void test_layers(void **state)
{
	const char *folder = *state;
	_cleanup_free_ char *image = in_folder(folder, "image.yml");
	_cleanup_free_ char *source = in_folder(folder, "source.yml");
	_cleanup_free_ char *conf = in_folder(folder, "conf");
	_cleanup_free_ char *cmdline = in_folder(folder, "cmdline");
	const struct config_sources sources = {image, source, conf, NULL, cmdline, true};
	_cleanup_whole_config_ struct config config = {0};
	_cleanup_free_ char *places = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(mkdir(conf, 0700), 0);
	put(folder, "image.yml", "hostname: image\nproa: {ssh: {port: 1}, autologin: true}\n");
	put(folder, "source.yml", "proa: {ssh: {port: 2}, health: {deadline: 1m}}\n");
	put(conf, "10-a.yml", "proa: {ssh: {port: 3}, watchdog: {timeout: 10s}}\nhostnam: x\n");
	put(conf, "20-b.yml", "proa: {ssh: {port: 4}, ntp: {servers: [a, 1.2, c]}}\n");
	put(conf, "30-c.yml", "proa: {ssh: {port: [\n");
	put(conf, "local.yml", "proa: {ssh: {port: 6}}\nmounts: [[a, b, [c]], [d, /e]]\n");
	put(conf, "zz.yml", "proa: {ssh: {port: 5}}\n");
	put(conf, "not.yaml", "proa: {ssh: {port: 7}}\n");
	put(conf, ".hidden.yml", "proa: {ssh: {port: 8}}\n");
	put(folder, "cmdline",
	    "quiet cc.hostname=\"the boat\" cc.proa.ssh.listen_address=::1 "
	    "cc.runcmd=\"[a b, [c, d]]\" cc.nothing=1 cc.proa.debug xcc.hostname=no\n");
	if (config_load(&sources, &config, &err) < 0)
		fail_msg("%s", err.message);
	places = printed(&config.tree, true, CONFIG_MASK_SECRETS);
	for (char *c = places; *c; c++)
		while (c[0] == ' ' && c[1] == ' ')
			memmove(c, c + 1, strlen(c));
	for (char *at; (at = strstr(places, folder));)
		memmove(at, at + strlen(folder), strlen(at + strlen(folder)) + 1);
	assert_string_equal(places, "hostname: image # /image.yml:1\n"
				    "proa.autologin: true # /image.yml:2\n"
				    "proa.ssh.daemon: true # built in\n"
				    "proa.ssh.port: 6 # /conf/local.yml:1\n"
				    "proa.ssh.password_login: false # built in\n"
				    "proa.ssh.listen_address: ::1 # kernel argument\n"
				    "proa.ntp.enabled: true # built in\n"
				    "proa.ntp.servers[0]: a # /conf/20-b.yml:1\n"
				    "proa.ntp.servers[1]: c # /conf/20-b.yml:1\n"
				    "proa.docker.log_driver: local # built in\n"
				    "proa.docker.debug: false # built in\n"
				    "proa.system_docker.log_driver: local # built in\n"
				    "proa.system_docker.debug: false # built in\n"
				    "proa.upgrade.least_rate: 1000 # built in\n"
				    "proa.upgrade.policy: none # built in\n"
				    "proa.health.deadline: 1m # /source.yml:1\n"
				    "proa.health.check_timeout: 30s # built in\n"
				    "proa.watchdog.enabled: true # built in\n"
				    "proa.watchdog.timeout: 10s # /conf/10-a.yml:1\n"
				    "mounts[0][0]: d # /conf/local.yml:2\n"
				    "mounts[0][1]: /e # /conf/local.yml:2\n"
				    "runcmd[0]: a b # kernel argument\n"
				    "runcmd[1][0]: c # kernel argument\n"
				    "runcmd[1][1]: d # kernel argument\n");
	/* hostnam, 1.2, the file cut off, [c], the host name with a space, two arguments */
	assert_int_equal(config.problems.errors, 7);
}

/* A machine without any of it has the defaults; what is no file costs no other file. */
static void test_missing(void **state)
{
	const char *folder = *state;
	_cleanup_free_ char *none = in_folder(folder, "none");
	_cleanup_free_ char *pipe_there = in_folder(folder, "a.yml");
	_cleanup_free_ char *dangling = in_folder(folder, "b.yml");
	_cleanup_free_ char *endless = in_folder(folder, "c.yml");
	const struct config_sources sources = {none, none, none, NULL, NULL, true};
	const struct config_sources odd = {folder, NULL, folder, NULL, NULL, true};
	_cleanup_whole_config_ struct config config = {0};
	struct error err = ERROR_INIT;

	assert_int_equal(config_load(&sources, &config, &err), 0);
	assert_int_equal(config.problems.count, 0);
	config_free(&config);
	assert_int_equal(mkfifo(pipe_there, 0600), 0);
	assert_int_equal(symlink(none, dangling), 0);
	assert_int_equal(symlink("/dev/zero", endless), 0);
	put(folder, "d.yml", "hostname: boat\n");
	assert_int_equal(config_load(&odd, &config, &err), 0);
	assert_int_equal(config.problems.errors, 3); /* the folder, the pipe, the device */
	assert_string_equal(config_child(&config.tree, "hostname")->text, "boat");
}

static void assert_loads(const struct config_sources *sources, const char *hostname, size_t errors,
			 size_t old)
{
	_cleanup_whole_config_ struct config config = {0};
	const struct config_node *node;

	assert_int_equal(config_load(sources, &config, NULL), 0);
	node = config_child(&config.tree, "hostname");
	assert_string_equal(node ? node->text : "(none)", hostname);
	assert_int_equal(config.problems.errors, errors);
	assert_int_equal(config.old_files, old);
}

/* A file that is broken by hand, or by a disk, does not cost the machine what it said before. */
static void test_last_good(void **state)
{
	const char *folder = *state;
	_cleanup_free_ char *conf = in_folder(folder, "conf");
	_cleanup_free_ char *good = in_folder(folder, "good");
	_cleanup_free_ char *kept = in_folder(folder, "good/a.yml");
	const struct config_sources sources = {.folder = conf, .good = good};
	struct stat status;

	assert_int_equal(mkdir(conf, 0700), 0);
	put(conf, "a.yml", "hostname: first\n");
	put(conf, "local.yml", "proa: {ssh: {port: 3}}\n");
	config_keep_good(&sources);
	assert_int_equal(stat(kept, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	/* One that is in error counts as it last was, as a whole, and is not kept. */
	put(conf, "a.yml", "hostname: second\nhostnam: x\n");
	config_keep_good(&sources);
	assert_loads(&sources, "first", 1, 1);
	put(conf, "a.yml", "hostname: [third\n");
	assert_loads(&sources, "first", 1, 1);
	put(conf, "a.yml", "");
	put(conf, "a.yml", "hostname: fourth\n");
	assert_loads(&sources, "fourth", 0, 0);
	config_keep_good(&sources);
	put(conf, "a.yml", "\t\n");
	assert_loads(&sources, "fourth", 1, 1);
	/* One that never was good counts in part. */
	put(conf, "b.yml", "hostname: fifth\nnothing: 1\n");
	assert_loads(&sources, "fifth", 2, 1);
	/* What is kept may be broken, too, or of another release. */
	put(good, "a.yml", "hostname: sixth\nold_key: 1\n");
	put(conf, "a.yml", "hostname: seventh\nnothing: 1\n");
	put(conf, "b.yml", "{}\n");
	assert_loads(&sources, "seventh", 1, 0);
	/* A file that a person has removed is gone. */
	assert_int_equal(unlink(kept), 0);
	put(good, "c.yml", "hostname: eighth\n");
	put(conf, "a.yml", "{}\n");
	assert_loads(&sources, "(none)", 0, 0);
}

static char folder_name[] = "/tmp/config_layers_test.XXXXXX";

static int make_folder(void **state)
{
	*state = mkdtemp(folder_name);
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	_cleanup_free_ char *command = NULL;

	(void)state;
	if (asprintf(&command, "rm -rf %s", folder_name) < 0 || system(command) != 0)
		return -1;
	memset(folder_name + strlen(folder_name) - 6, 'X', 6);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emit),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_hole),
		cmocka_unit_test_setup_teardown(test_layers, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_missing, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_last_good, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
