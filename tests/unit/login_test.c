/* Who may log in: what is written of the configuration, and what of an empty one. */
#include <crypt.h>
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

#include "init/services/login.h"
#include "lib/cleanup.h"
#include "lib/config/values.h"
#include "lib/io.h"
#include "tests/unit/support/scratch.h"

#define HASH                                                                                       \
	"$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"                                  \
	"jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b"

static const struct login_paths paths = {
	.template = "template",
	.folder = "run/login",
	.issue = "run/issue.d/proa.issue",
};

static void get(const char *name, char **text)
{
	size_t size;

	assert_int_equal(io_read_file(name, 64 << 10, text, &size, NULL), 0);
}

static mode_t mode_of(const char *name)
{
	struct stat status;

	assert_int_equal(stat(name, &status), 0);
	return status.st_mode & 07777;
}

/* Applies a configuration; what it says of it, a line each. */
static char *applied(const char *text, bool rescue)
{
	_cleanup_whole_config_ struct config config = {0};

	scratch_config(text, &config);
	assert_int_equal(login_apply(&config, rescue, &paths), 0);
	return scratch_problems(&config);
}

static void assert_applied(const char *text, bool rescue, const char *said)
{
	_cleanup_free_ char *out = applied(text, rescue);

	assert_string_equal(out, said);
}

static void test_nobody(void **state)
{
	_cleanup_free_ char *issue = NULL;

	(void)state;
	assert_applied("hostname: x\n", false, "");
	scratch_assert("run/login/shadow", "root:*:::::::\nproa:*:::::::\nnobody:*:::::::\n");
	scratch_assert("run/login/sudoers", "proa ALL=(ALL:ALL) NOPASSWD: ALL\n");
	scratch_assert("run/login/authorized_keys", "");
	scratch_assert("run/login/sshd.conf", "Port 22\nPasswordAuthentication no\n");
	scratch_assert("run/login/console", "autologin=0\nsshd=1\n");
	get("run/issue.d/proa.issue", &issue);
	assert_non_null(strstr(issue, "nobody can log in here"));
	assert_int_equal(mode_of("run/login/shadow"), 0640);
	assert_int_equal(mode_of("run/login/sudoers"), 0440);
}

/* The state partition is missing: whoever is at the console may mend the machine. */
static void test_rescue(void **state)
{
	(void)state;
	assert_applied("hostname: x\n", true, "");
	scratch_assert("run/login/console", "autologin=1\nsshd=1\n");
	scratch_assert("run/issue.d/proa.issue", "");
}

static void test_not_loaded(void **state)
{
	struct config config = {0};

	(void)state;
	assert_int_equal(login_apply(&config, false, &paths), 0);
	scratch_assert("run/login/console", "autologin=0\nsshd=1\n");
	scratch_assert("run/login/sshd.conf", "Port 22\nPasswordAuthentication no\n");
}

static void test_all(void **state)
{
	(void)state;
	assert_applied("ssh_authorized_keys: [" KEY ", " KEY "]\n"
		       "proa:\n  password: " HASH "\n  autologin: yes\n"
		       "  ssh: {port: 2222, listen_address: \"::1\", password_login: true, "
		       "daemon: off}\n",
		       false, "");
	scratch_assert("run/login/shadow", "root:*:::::::\nproa:" HASH ":::::::\nnobody:*:::::::\n");
	scratch_assert("run/login/sudoers", "proa ALL=(ALL:ALL) ALL\n");
	scratch_assert("run/login/authorized_keys", KEY "\n" KEY "\n");
	scratch_assert("run/login/sshd.conf",
		      "Port 2222\nListenAddress ::1\nPasswordAuthentication yes\n");
	scratch_assert("run/login/console", "autologin=1\nsshd=0\n");
	scratch_assert("run/issue.d/proa.issue", "");
}

/* A word is hashed: the hash opens to it, and it is nowhere to be read. */
static void test_word(void **state)
{
	_cleanup_free_ char *shadow = NULL;
	char *line, *end;

	(void)state;
	assert_applied("proa: {password: pass word}\n", false, "");
	get("run/login/shadow", &shadow);
	assert_null(strstr(shadow, "pass word"));
	line = strstr(shadow, "proa:") + strlen("proa:");
	end = strchr(line, ':');
	assert_non_null(end);
	*end = '\0';
	assert_string_equal(crypt("pass word", line), line);
	assert_string_not_equal(crypt("pass wore", line), line);
}

static void test_no_hash(void **state)
{
	(void)state;
	assert_applied("proa: {password: $q$ab$cd}\n", false,
		       "conf/a.yml:1:8: error: proa.password: is no hash that this system knows "
		       "(openssl passwd -6); it opens nothing\n");
	scratch_assert("run/login/shadow", "root:*:::::::\nproa:*:::::::\nnobody:*:::::::\n");
	/* Nothing of it may become another field of the file. */
	assert_applied("proa: {password: \"$6$ab$c::0:0\"}\n", false,
		       "conf/a.yml:1:8: error: proa.password: is no hash that this system knows "
		       "(openssl passwd -6); it opens nothing\n");
}

/* A damaged image's template costs the other users' lines, and no more. */
static void test_no_template(void **state)
{
	(void)state;
	assert_int_equal(rename("template", "kept"), 0);
	assert_applied("proa: {password: " HASH "}\n", false, "");
	scratch_assert("run/login/shadow", "proa:" HASH ":::::::\n");
	assert_int_equal(rename("kept", "template"), 0);
}

static int set_up(void **state)
{
	if (scratch_set_up(state) < 0)
		return -1;
	scratch_put("template", "root:*:::::::\nproa:*:::::::\nnobody:*:::::::\n");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),      cmocka_unit_test(test_rescue),
		cmocka_unit_test(test_not_loaded),  cmocka_unit_test(test_all),
		cmocka_unit_test(test_word),        cmocka_unit_test(test_no_hash),
		cmocka_unit_test(test_no_template),
	};

	return cmocka_run_group_tests(tests, set_up, scratch_tear_down);
}
