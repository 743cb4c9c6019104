/* Cloud-configs: YAML into trees, the schema, and what it says of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/config/check.h"
#include "lib/config/document.h"
#include "lib/config/schema.h"
#include "lib/config/types.h"
#include "lib/config/yaml.h"
#include "lib/io.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBSsU9pJn8aU7N3sHXoe9JjJzsfp8tLROhZlJHkHhzw2 me"

/* Reads and checks a text; what is said of it, but for what a later version will do. */
static char *said(const char *text, size_t size, size_t *errors)
{
	_cleanup_problems_ struct config_problems problems = {0};
	_cleanup_config_ struct config_node tree = {0};
	char *out = NULL;
	size_t out_size;
	FILE *stream = open_memstream(&out, &out_size);

	assert_non_null(stream);
	assert_true(config_read_yaml("f", text, size, &tree, &problems) >= 0);
	assert_int_equal(tree.kind, CONFIG_MAP);
	assert_int_equal(config_rename(&tree, &problems), 0);
	assert_int_equal(config_check(&tree, &problems), 0);
	config_problems_sort(&problems);
	for (size_t i = 0; i < problems.count; i++) {
		struct config_problems one = {&problems.items[i], 1, 0};

		if (strcmp(problems.items[i].text, CONFIG_LATER_WORDS) != 0)
			config_problems_print(stream, &one);
	}
	fclose(stream);
	*errors = problems.errors;
	return out;
}

static void test_good(void **state)
{
	static const char *const texts[] = {
		"",
		"#cloud-config\n",
		"# a comment alone\n",
		"{}",
		"null",
		"hostname: web-1.example.org\n",
		"hostname: \"5\"\n",
		"ssh_authorized_keys:\n  - " KEY "\n",
		"ssh_authorized_keys: ['from=\"10.0.0.0/8\" " KEY "']\n",
		"write_files:\n- path: /a b\n  permissions: 0644\n  content: |\n    a\n    b\n"
		"  owner: root:docker\n  encoding: gz+b64\n  append: yes\n",
		"write_files: [{path: /x, content: \"\"}]\n",
		"runcmd: [echo hi, [ls, -l], \"a: b\"]\nbootcmd: []\n",
		"mounts: [[/dev/sdb1, /data], [a, b, c, d, '0', '2']]\n",
		"proa: {ssh: {port: 1, listen_address: \"::1\"}}\n",
		"rancher: {ssh: {port: 65535, password_login: ON}}\n",
		"proa:\n  network:\n    interfaces:\n      eth*: {dhcp: no, addresses: "
		"[192.0.2.5/24, "
		"2001:db8::5/64], gateway: 192.0.2.1, gateway_ipv6: \"fe80::1\", mtu: 9000}\n"
		"      \"mac:52:54:00:12:34:56\": {dhcp: true}\n"
		"    dns: {nameservers: [192.0.2.1], search: [example.org]}\n"
		"    http_proxy: http://user:word@proxy.example.org:3128/\n",
		"proa: {modules: [bonding mode=1, dummy], sysctl: {vm.swappiness: 10}}\n",
		"proa: {services: {web: {image: nginx, whatever: [1, {a: b}]}}}\n",
		"proa: {docker: {bip: 172.18.0.1/16, log_opts: {max-size: 10m}, debug: off}}\n",
		"proa: {health: {deadline: 30s, check_timeout: 10m}, watchdog: {timeout: 1m}}\n",
		"proa: {upgrade: {url: \"https://example.org/x\", policy: stage}}\n",
		"a: &x 1\n" /* see below: aliases */,
		"hostname: &h web\nproa: {network: {dns: {search: [*h, *h]}}}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t errors;
		_cleanup_free_ char *out = said(texts[i], strlen(texts[i]), &errors);

		if (strncmp(texts[i], "a: ", 3) == 0)
			continue;
		if (*out)
			fail_msg("%s\nwas met with: %s", texts[i], out);
	}
}

static void test_broken(void **state)
{
	static const struct {
		const char *text;
		const char *says; /* all of it, but "f:" before each line */
	} rows[] = {
		/* no YAML, or none that is read */
		{"runcmd: [b\n",
		 "2:1: error: not YAML: did not find expected ',' or ']', while parsing a "
		 "flow sequence\n"},
		{"a\xff: b\n", "1:1: error: not YAML: invalid leading UTF-8 octet at byte 1\n"},
		{"- a\n", "1:1: error: at the top must stand keys (\"hostname: …\")\n"},
		{"hostname\n", "1:1: error: at the top must stand keys (\"hostname: …\")\n"},
		{"hostname: a\n---\nhostname: b\n", "2:1: error: a second YAML document: a file "
						    "holds one\n"},
		{"hostname: a\nhostname: b\n", "2:1: error: hostname: stands twice, before this in "
					       "line 1\n"},
		{"hostname: \"a\\0b\"\n",
		 "1:1: warning: hostname: nothing stands behind it: it has no "
		 "effect\n1:11: error: a text with a NUL character in it\n"},
		{"? [a]\n: b\nhostname: c\n", "1:3: error: a key must be a text of one line\n"},
		{"\"a\\nb\": 1\nhostname: c\n", "1:1: error: a key must be a text of one line\n"},
		{"hostname: !mine a\n", "1:11: error: the tag !mine is not understood: leave it "
					"out\n"},
		{"write_files: [{path: /x, content: !!binary aGk=}]\n",
		 "1:35: error: !!binary is not understood: write a text, and \"encoding: b64\" "
		 "beside "
		 "it\n"},
		{"proa:\n  <<: {}\n",
		 "2:3: error: merge keys (<<) are not understood: write the keys "
		 "out\n2:3: error: proa.<<: unknown key\n"},
		{"hostname: *a\n",
		 "1:1: warning: hostname: nothing stands behind it: it has no "
		 "effect\n1:11: error: *a repeats what is not there (no &a before "
		 "it)\n"},
		/* keys */
		{"hostnam: a\n", "1:1: error: hostnam: unknown key; did you mean hostname?\n"},
		{"frobnicate: a\n", "1:1: error: frobnicate: unknown key\n"},
		{"ssh: {}\n", "1:1: error: ssh: unknown key; ssh has its place below proa:\n"},
		{"proa: {runcmd: []}\n",
		 "1:8: error: proa.runcmd: unknown key; runcmd has its place "
		 "at the top, not below proa:\n"},
		{"proa: {}\nrancher: {}\n",
		 "2:1: error: rancher: is the same section as proa: write "
		 "one of them\n2:1: error: rancher: unknown key\n"},
		{"rancher: {ssh: {prot: 1}}\n", "1:17: error: proa.ssh.prot: unknown key; did you "
						"mean port?\n"},
		{"write_files: [{content: a}]\n", "1:15: error: write_files[0]: the key path is "
						  "missing\n"},
		/* kinds */
		{"hostname: [a]\n",
		 "1:1: error: hostname: expected a host name (at most 64 of a-z, "
		 "0-9, \"-\" and \".\"), not a list\n"},
		{"proa: true\n", "1:1: error: proa: expected keys (\"NAME: VALUE\"), not a text\n"},
		{"runcmd: ls\n", "1:1: error: runcmd: expected a list (\"- ITEM\"), not a text\n"},
		{"runcmd: [[a, [b]]]\n",
		 "1:14: error: runcmd[0][1]: expected a text, not a list\n"},
		{"runcmd: [~]\n", "1:10: error: runcmd[0]: expected a text or a list (\"- ITEM\"), "
				  "not nothing\n"},
		{"mounts: [[a]]\n", "1:10: error: mounts[0]: must have 2 to 6 items, not 1\n"},
		{"mounts: [[a, b, c, d, e, f, g]]\n", "1:10: error: mounts[0]: must have 2 to 6 "
						      "items, not 7\n"},
		/* warnings */
		{"hostname:\n", "1:1: warning: hostname: nothing stands behind it: it has no "
				"effect\n"},
		{"growpart: {mode: auto}\n", "1:1: warning: growpart: has no effect: the state "
					     "partition grows by itself\n"},
		/* secrets are not shown */
		{"proa: {password: \"a\\nb\"}\n",
		 "1:8: error: proa.password: expected a text of one "
		 "line\n"},
		/* in the order of the file */
		{"b: 1\nproa: {c: 2}\na: 3\n", "1:1: error: b: unknown key\n2:8: error: proa.c: "
					       "unknown key\n3:1: error: a: unknown key\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t errors, lines = 0;
		_cleanup_free_ char *out = said(rows[i].text, strlen(rows[i].text), &errors);
		_cleanup_free_ char *expected = calloc(1, 2 * strlen(rows[i].says) + 3);
		_cleanup_free_ char *copy = strdup(rows[i].says);
		char *rest = copy, *line;

		while ((line = strsep(&rest, "\n")) && *line) {
			strcat(strcat(strcat(expected, "f:"), line), "\n");
			lines += !strstr(line, ": warning: ");
		}
		if (strcmp(out, expected) != 0)
			fail_msg("%s\nwas met with: %s\nnot with:    %s", rows[i].text, out,
				 expected);
		assert_int_equal(errors, lines);
	}
}

/* Each kind of text: what is one, and what just is not. */
static void test_types(void **state)
{
	static const struct {
		const struct config_type *type;
		const char *yes[8], *no[10];
	} rows[] = {
		{&config_bool, {"true", "No", "off"}, {"", "1", "truee", "y"}},
		{&config_integer,
		 {"5", "10", "7"},
		 {"4", "11", "", "-", "-5", "05", "5 ", "0x5", "+5"}},
		{&config_duration,
		 {"5s", "10s"},
		 {"4s", "11s", "1m", "5", "s", "5 s", "5S", "-5s", "05s"}},
		{&config_bytes, {"5", "10"}, {"4", "11", "1K", "", "-5", "5B", "5 "}},
		{&config_line, {"a", " ", "ü", "a\tb"}, {"", "a\nb", "a\033b", "a\177"}},
		{&config_hostname,
		 {"a", "A-1.b", "0"},
		 {"", "-a", "a-", "a..b", ".a", "a.", "a_b", "ü",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 64: a label
										       */
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaa"}}, /* 66 */
		{&config_host,
		 {"a.b", "192.0.2.1", "::1", "3com.example"},
		 {"", "192.0.2.256", "1.2", "a b"}},
		{&config_ipv4,
		 {"192.0.2.1"},
		 {"", "192.0.2", "192.0.2.1/24", "::1", "192.0.2.01x"}},
		{&config_ipv6,
		 {"::", "2001:db8::1"},
		 {"", "1.2.3.4", "2001:db8::1/64", "fe80::1%eth0"}},
		{&config_subnet,
		 {"192.0.2.5/24", "::/0", "2001:db8::5/128", "0.0.0.0/32"},
		 {"192.0.2.5", "192.0.2.5/", "192.0.2.5/33", "::/129", "/24", "192.0.2.5/-1",
		  "1.2.3.4/024"}},
		{&config_url,
		 {"http://a", "https://a.b:8/c?d", "https://[::1]/"},
		 {"", "a.b", "ftp://a", "http://", "http://a b", "http://a:99999"}},
		{&config_path,
		 {"/", "/a/b", "/a..b", "/.a"},
		 {"", "a", "/a/..", "/../a", "/a/./b", "/a\nb"}},
		{&config_mode, {"644", "0644", "4755"}, {"", "64", "00644", "0888", "rw-r--r--"}},
		{&config_owner,
		 {"root", "0:0", "a_b:c-d"},
		 {"", ":", "a:", ":a", "-a", "a:b:c", "a b"}},
		{&config_ssh_key,
		 {KEY, "restrict " KEY, "command=\"a b\" " KEY},
		 {"", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==",
		  KEY "\n", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI*=="}},
		{&config_setting, {"A=b", "a.b_c-d="}, {"", "=", "A", "a b=c"}},
		{&config_module, {"a-b_c", "bonding mode=1"}, {"", " a", "a/b", "../a", "a\n"}},
	};
	static const struct config_row limits = {.least = 5, .most = 10};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < 8 && rows[i].yes[j]; j++)
			if (!rows[i].type->accepts(&limits, rows[i].yes[j]))
				fail_msg("row %zu refuses \"%s\"", i, rows[i].yes[j]);
		for (size_t j = 0; j < 10 && rows[i].no[j]; j++)
			if (rows[i].type->accepts(&limits, rows[i].no[j]))
				fail_msg("row %zu takes \"%s\"", i, rows[i].no[j]);
	}
}

/* What lies above "a.b[].c" is "a.b[]", and above that "a.b". */
static const struct config_row *parent_of(const char *path)
{
	_cleanup_free_ char *above = strdup(path);
	size_t length = strlen(above);
	char *dot = strrchr(above, '.');

	above[above[length - 1] == ']' ? length - 2 : dot ? (size_t)(dot - above) : 0] = '\0';
	for (size_t i = 0; *above && i < config_rows_count; i++)
		if (strcmp(config_rows[i].path, above) == 0)
			return &config_rows[i];
	return NULL;
}

/* The table itself: each row is found where its path says, and keeps its own rules. */
static void test_schema(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_rows_count; i++) {
		const struct config_row *row = &config_rows[i];
		const struct config_row *parent = parent_of(row->path);
		const char *name = row->path + (parent ? strlen(parent->path) : 0);
		char expected[256];

		if (parent != NULL && *name == '.')
			name++;
		else if (parent == NULL && strpbrk(row->path, ".["))
			fail_msg("%s stands below nothing", row->path);
		if (config_row_below(parent, name) != row)
			fail_msg("%s is not found", row->path);
		if (!row->about || !*row->about)
			fail_msg("%s says nothing of itself", row->path);
		if (!(row->flags & CONFIG_UNUSED) && row->about[strlen(row->about) - 1] != '.')
			fail_msg("%s: its words are no sentence", row->path);
		config_expected(row, expected, sizeof(expected));
		if (!*expected || strlen(expected) > sizeof(expected) - 2)
			fail_msg("%s expects \"%s\"", row->path, expected);
		if (row->fallback && !row->type->accepts(row, row->fallback))
			fail_msg("%s: its own default is refused", row->path);
	}
}

/* The second half of both pages is what the schema says. */
static void test_documents(void **state)
{
	static const struct {
		const char *path;
		enum config_format format;
	} pages[] = {{"docs/configuration.md", CONFIG_FORMAT_MARKDOWN},
		     {"docs/man/proa.yml.5", CONFIG_FORMAT_MAN}};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		_cleanup_free_ char *page = NULL, *made = NULL;
		size_t size, made_size;
		const char *marker;
		FILE *stream = open_memstream(&made, &made_size);

		assert_int_equal(io_read_file(pages[i].path, 1 << 20, &page, &size, NULL), 0);
		marker = strstr(page, "What follows is made: ");
		assert_non_null(marker);
		assert_true(config_document(stream, pages[i].format, NULL) > 0);
		fclose(stream);
		if (strcmp(strchr(marker, '\n') + 1, made) != 0)
			fail_msg("%s is not up to date: the command is in it", pages[i].path);
	}
}

/* Aliases of aliases: small files that would be large trees. */
static void test_limits(void **state)
{
	_cleanup_free_ char *text = calloc(1, 1 << 16);
	_cleanup_free_ char *out = NULL;
	size_t errors;

	(void)state;
	strcpy(text, "l0: &l0 [a, a, a, a, a, a, a, a, a, a]\n");
	for (int i = 1; i < 9; i++)
		sprintf(text + strlen(text),
			"l%d: &l%d [*l%d, *l%d, *l%d, *l%d, *l%d, *l%d, *l%d, "
			"*l%d, *l%d, *l%d]\n",
			i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	out = said(text, strlen(text), &errors);
	assert_non_null(strstr(out, "more than 200000 values, with what aliases repeat\n"));
	free(ptr_take(out));

	/* The deepest that is read, and one deeper. */
	for (size_t depth = CONFIG_DEPTH_MAX; depth <= CONFIG_DEPTH_MAX + 1; depth++) {
		memset(text, 0, 1 << 16);
		strcpy(text, "proa: {services: {a: ");
		memset(text + strlen(text), '[', depth - 3);
		strcat(text, "x");
		memset(text + strlen(text), ']', depth - 3);
		strcat(text, "}}\n");
		out = said(text, strlen(text), &errors);
		assert_int_equal(!!strstr(out, "nested more than 32 levels deep"),
				 depth > CONFIG_DEPTH_MAX);
		free(ptr_take(out));
	}

	memset(text, '[', 1 << 15); /* libyaml itself would take minutes */
	text[1 << 15] = '\0';
	out = said(text, strlen(text), &errors);
	assert_non_null(strstr(out, "nested more than 32 levels deep"));
	free(ptr_take(out));

	/* Aliases must not get deeper than what may be written out. */
	strcpy(text, "proa: {services: {a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]], b: "
		     "[[[[[[[[[[[[[*a]]]]]]]]]]]]]}}\n");
	out = said(text, strlen(text), &errors);
	assert_null(strstr(out, "nested"));
	free(ptr_take(out));
	strcpy(text, "proa: {services: {a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]], b: "
		     "[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]}}\n");
	out = said(text, strlen(text), &errors);
	assert_non_null(strstr(out, "nested more than 32 levels deep"));
	free(ptr_take(out));

	text[0] = '\0';
	for (int i = 0; i < 257; i++)
		sprintf(text + strlen(text), "%s&a%d x", i ? ", " : "runcmd: [", i);
	out = said(text, strlen(text), &errors);
	assert_non_null(strstr(out, "more than 256 anchors"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_broken),
		cmocka_unit_test(test_types),     cmocka_unit_test(test_schema),
		cmocka_unit_test(test_documents), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
