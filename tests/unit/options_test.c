/* Option tables, and the command table of `proa`. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/command.h"
#include "lib/options.h"

enum { ARGUMENTS_MAX = 8 };

static const struct {
	const char *rule;
	const char *arguments[ARGUMENTS_MAX]; /* behind the command's name */
	int expected;
	const char *says;
	bool flag, other;
	const char *value, *list, *operands; /* joined by blanks */
} ROWS[] = {
	{"nothing", {0}, 0, "", 0, 0, "", "", ""},
	{"long flag", {"--flag"}, 0, "", 1, 0, "", "", ""},
	{"short flag", {"-f"}, 0, "", 1, 0, "", "", ""},
	{"a bundle of flags", {"-fo"}, 0, "", 1, 1, "", "", ""},
	{"value behind", {"--value", "x"}, 0, "", 0, 0, "x", "", ""},
	{"value by equals", {"--value=x=y"}, 0, "", 0, 0, "x=y", "", ""},
	{"empty value", {"--value="}, 0, "", 0, 0, "", "", ""},
	{"short value behind", {"-v", "x"}, 0, "", 0, 0, "x", "", ""},
	{"short value attached", {"-vx"}, 0, "", 0, 0, "x", "", ""},
	{"flags, then a value", {"-fvx"}, 0, "", 1, 0, "x", "", ""},
	{"a value that looks like an option", {"-v", "-f"}, 0, "", 0, 0, "-f", "", ""},
	{"the last value counts", {"-v", "x", "-v", "y"}, 0, "", 0, 0, "y", "", ""},
	{"a list gathers", {"--list", "x", "--list=y"}, 0, "", 0, 0, "", "x y", ""},
	{"operands between options", {"a", "-f", "b"}, 0, "", 1, 0, "", "", "a b"},
	{"a lone dash is an operand", {"-"}, 0, "", 0, 0, "", "", "-"},
	{"two dashes end the options", {"--", "-f"}, 0, "", 0, 0, "", "", "-f"},
	{"long help", {"--help"}, OPTIONS_HELP, "", 0, 0, "", "", ""},
	{"short help", {"-h"}, OPTIONS_HELP, "", 0, 0, "", "", ""},
	{"unknown long", {"--flagg"}, -EINVAL, "unknown option --flagg", 0, 0, "", "", ""},
	{"a beginning is not the option", {"--fla"}, -EINVAL, "--fla", 0, 0, "", "", ""},
	{"unknown short", {"-x"}, -EINVAL, "unknown option -x", 0, 0, "", "", ""},
	{"unknown in a bundle", {"-fx"}, -EINVAL, "-x", 0, 0, "", "", ""},
	{"flag with a value", {"--flag=x"}, -EINVAL, "takes no value", 0, 0, "", "", ""},
	{"long without its value", {"--value"}, -EINVAL, "--value VALUE", 0, 0, "", "", ""},
	{"short without its value", {"-v"}, -EINVAL, "-v VALUE", 0, 0, "", "", ""},
	{"too many operands",
	 {"a", "b", "c"},
	 -EINVAL,
	 "unexpected argument \"c\"",
	 0,
	 0,
	 "",
	 "",
	 ""},
};

static void join(const char *const *items, size_t count, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? " " : "", items[i]);
}

static void test_parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		bool flag = false, other = false;
		const char *value = "", *operands[2];
		struct option_list list = {.count = 0};
		const struct option options[] = {
			{'f', "flag", NULL, OPTION_FLAG, &flag, ""},
			{'o', "other", NULL, OPTION_FLAG, &other, ""},
			{'v', "value", "VALUE", OPTION_STRING, &value, ""},
			{0, "list", "VALUE", OPTION_LIST, &list, ""},
			{0},
		};
		char name[] = "test", *argv[ARGUMENTS_MAX + 2] = {name}, text[64];
		struct error err = ERROR_INIT;
		size_t count = 0;
		int argc = 1, r;

		while (argc <= ARGUMENTS_MAX && ROWS[i].arguments[argc - 1]) {
			argv[argc] = strdup(ROWS[i].arguments[argc - 1]);
			argc++;
		}
		r = options_parse(argc, argv, options, operands, 2, &count, &err);
		if (r != ROWS[i].expected || !strstr(err.message, ROWS[i].says))
			fail_msg("%s: %d \"%s\"", ROWS[i].rule, r, err.message);
		if (r == 0) {
			if (flag != ROWS[i].flag || other != ROWS[i].other ||
			    strcmp(value, ROWS[i].value) != 0)
				fail_msg("%s: flags or value", ROWS[i].rule);
			join(list.items, list.count, text, sizeof(text));
			assert_string_equal(text, ROWS[i].list);
			join(operands, count, text, sizeof(text));
			assert_string_equal(text, ROWS[i].operands);
		}
		while (argc-- > 1)
			free(argv[argc]);
	}
}

static void test_list_limit(void **state)
{
	char word[] = "--list=x", *argv[OPTION_LIST_MAX + 2];
	struct option_list list = {.count = 0};
	const struct option options[] = {{0, "list", "X", OPTION_LIST, &list, ""}, {0}};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < OPTION_LIST_MAX + 2; i++)
		argv[i] = word;
	assert_int_equal(options_parse(OPTION_LIST_MAX + 1, argv, options, NULL, 0, NULL, &err), 0);
	list.count = 0;
	assert_int_equal(options_parse(OPTION_LIST_MAX + 2, argv, options, NULL, 0, NULL, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "16 times"));
}

static int nothing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return EXIT_DONE;
}

static void test_commands(void **state)
{
	static const struct command table[] = {
		{"install", "", nothing}, {"status", "", nothing},   {"reboot", "", nothing},
		{"upgrade", "", nothing}, {"poweroff", "", nothing}, {0},
	};
	static const struct {
		const char *typed, *meant; /* NULL: no guess */
	} rows[] = {
		{"instal", "install"},
		{"isntall", "install"},
		{"stauts", "status"},
		{"rebot", "reboot"},
		{"power-off", "poweroff"},
		{"upgarde", "upgrade"},
		{"x", NULL},
		{"", NULL},
		{"frobnicate", NULL},
		{"-b", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
	};

	(void)state;
	assert_ptr_equal(command_find(table, "status"), &table[1]);
	assert_null(command_find(table, "statu"));
	assert_null(command_find(table, ""));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct command *found = command_nearest(table, rows[i].typed);

		if (rows[i].meant ? !found || strcmp(found->name, rows[i].meant) != 0 : !!found)
			fail_msg("\"%s\": %s", rows[i].typed, found ? found->name : "no guess");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parsing),
		cmocka_unit_test(test_list_limit),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
