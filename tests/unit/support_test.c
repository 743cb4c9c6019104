/* Parts of a support bundle: what is secret does not show up, and none holds up the others. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/services/support.h"
#include "init/services/support_tar.h"
#include "lib/cleanup.h"
#include "lib/config/layers.h"
#include "lib/console.h"

static char *masked(const struct mask_secrets *secrets, const char *text)
{
	char *out = strdup(text);
	size_t size = strlen(text);

	assert_int_equal(mask_text(secrets, &out, &size), 0);
	assert_int_equal(strlen(out), size);
	return out;
}

static void test_text(void **state)
{
	static char texts[] = "hunter2\0hunter22";
	const struct mask_secrets secrets = {texts, sizeof(texts)};
	static const struct {
		const char *rule, *text, *masked;
	} cases[] = {
		{"nothing", "", ""},
		{"a proxy's log-in", "http_proxy: http://me:pw@p.example:1 x@y",
		 "http_proxy: http://********@p.example:1 x@y"},
		{"an address without one", "https://p.example/a@b", "https://p.example/a@b"},
		{"an address at the end", "http://", "http://"},
		{"a secret, anywhere", "xhunter2x\nhunter2", "x********x\n********"},
		{"the longest one", "hunter22.", "********."},
		{"cut at the end", "hunter", "hunter"},
		{"a kernel argument", "quiet cc.proa.password=abc panic=5",
		 "quiet cc.proa.password=******** panic=5"},
		{"with blanks", "cc.a=\"b c\" d", "cc.a=******** d"},
		{"quoted as a whole", "\"cc.a=b\"", "\"cc.a=********"},
		{"quoted as a whole, with blanks", "\"cc.a=b c\" d", "\"cc.a=******** d"},
		{"behind a prefix", "kernel_args=cc.a=b c", "kernel_args=cc.a=******** c"},
		{"without a value", "cc.a cc.=", "cc.a cc.=********"},
		{"within a word", "acc.a=b", "acc.a=b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_free_ char *out = masked(&secrets, cases[i].text);

		print_message("  %s\n", cases[i].rule);
		assert_string_equal(out, cases[i].masked);
	}
}

/* From a configuration to the text of another part. */
static void test_secret_of_config(void **state)
{
	static const struct config_sources sources = {.folder = "conf"};
	char folder[] = "/tmp/support_test.XXXXXX", command[64];
	_cleanup_whole_config_ struct config config = {0};
	struct mask_secrets secrets = {0};
	_cleanup_free_ char *out = NULL;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("conf", 0700), 0);
	file = fopen("conf/a.yml", "w");
	assert_non_null(file);
	fputs("hostname: boat\nproa: {password: hunter2}\n", file);
	fclose(file);
	assert_int_equal(config_load(&sources, &config, NULL), 0);
	file = open_memstream(&secrets.texts, &secrets.size);
	mask_print_secrets(file, &config.tree);
	fclose(file);
	out = masked(&secrets, "boat: login with hunter2 failed");
	free(secrets.texts);
	assert_string_equal(out, "boat: login with ******** failed");
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(system(command), 0);
}

static void test_environment(void **state)
{
	json_t *json = json_loads("[{\"Id\":\"x\",\"Config\":{\"Env\":[\"A=b=c\",\"PATH\",\"D=\"],"
				  "\"Cmd\":[\"E=f\"]}}]",
				  0, NULL);
	char *text;

	(void)state;
	mask_environment(json);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, "[{\"Id\":\"x\",\"Config\":{\"Env\":[\"A=********\",\"PATH\","
				  "\"D=********\"],\"Cmd\":[\"E=f\"]}}]");
	free(text);
	json_decref(json);
}

static int print_well(FILE *out, const char *argument, struct error *err)
{
	(void)err;
	fputs(argument, out);
	return 0;
}

static int print_half(FILE *out, const char *argument, struct error *err)
{
	fputs("half", out);
	return error_set(err, -EIO, "cc.a=%s", argument);
}

static int print_for_ever(FILE *out, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	fputs("begun", out);
	fflush(out);
	return pause(); /* until it is killed */
}

static int print_much(FILE *out, const char *argument, struct error *err)
{
	(void)err;
	while (fputs(argument, out) >= 0)
		;
	return -EIO;
}

static int print_nothing_and_die(FILE *out, const char *argument, struct error *err)
{
	(void)out;
	(void)argument;
	(void)err;
	return kill(getpid(), SIGKILL);
}

static void test_collect(void **state)
{
	static const struct {
		struct support_part part;
		const char *text;
		bool failed;
		const char *reason;
	} cases[] = {
		{{"well", print_well, "cc.a=b"}, "cc.a=********", false, ""},
		{{"empty", print_well, ""}, "", false, ""},
		{{"half", print_half, "b"}, "half", true, "cc.a=*"},
		{{"for ever", print_for_ever, NULL}, "begun", true, "gave no end within 1 s"},
		{{"too much", print_much, "a"}, "aaaaaaaaaaaaaaaa", false, "cut behind 16 bytes"},
		{{"dies", print_nothing_and_die, NULL}, "", true, "its process died"},
	};
	const struct support_limits limits = {.timeout_ms = 1000, .size_max = 16};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct support_text text;
		uint64_t start = console_now_ms();

		print_message("  %s\n", cases[i].part.name);
		assert_int_equal(support_collect(&cases[i].part, &limits, NULL, &text), 0);
		assert_string_equal(text.data ? text.data : "", cases[i].text);
		assert_int_equal(text.failed, cases[i].failed);
		assert_string_equal(text.reason, cases[i].reason);
		assert_true(console_now_ms() - start < 30000);
		free(text.data);
	}
}

static void test_tar(void **state)
{
	char path[] = "/tmp/support_test.XXXXXX", name[SUPPORT_TAR_NAME_MAX + 2], said[64] = "";
	char command[256];
	int fd = mkstemp(path);
	FILE *listed;

	(void)state;
	assert_int_equal(support_tar_add(fd, "a/one", "hello", 5, 1, NULL), 0);
	assert_int_equal(support_tar_add(fd, "a/empty", "", 0, 1, NULL), 0);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(support_tar_add(fd, name, "", 0, 1, NULL), -ENAMETOOLONG);
	name[SUPPORT_TAR_NAME_MAX] = '\0';
	assert_int_equal(support_tar_add(fd, name, "end", 3, 1, NULL), 0);
	assert_int_equal(support_tar_end(fd, NULL), 0);
	close(fd);
	snprintf(command, sizeof(command), "tar --zstd -xOf %s a/one %s a/empty; rm %s", path, name,
		 path);
	listed = popen(command, "r");
	assert_non_null(listed);
	(void)!fread(said, 1, sizeof(said) - 1, listed);
	assert_int_equal(pclose(listed), 0);
	assert_string_equal(said, "helloend");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),        cmocka_unit_test(test_secret_of_config),
		cmocka_unit_test(test_environment), cmocka_unit_test(test_collect),
		cmocka_unit_test(test_tar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
