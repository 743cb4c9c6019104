#include "init/services/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "init/services/chart.h"
#include "init/services/paths.h"
#include "lib/command.h"
#include "lib/console.h"
#include "lib/docker/docker.h"

static int make(struct chart *chart, struct error *err)
{
	_cleanup_fields_ struct fields boot = {0}, services = {0};
	int r = fields_read(PATH_BOOT, &boot, err);

	if (r == -ENOENT)
		return error_set(err, r,
				 "this machine does not run Proa (there is no " PATH_BOOT
				 "); ask it where it runs, e.g. by ssh");
	if (r < 0)
		return r;
	/* Where the service manager has not come up, PID 1's part tells so. */
	r = fields_read(PATH_STATUS, &services, err);
	if (r < 0 && r != -ENOENT)
		return r;
	chart_make(&boot, &services, console_now_ms(), chart);
	return 0;
}

/* Whatever is there is written to, be it a device: nothing is put in its place. */
static int write_svg(const char *path, const struct chart *chart, struct error *err)
{
	FILE *out = fopen(path, "we");
	bool failed;

	if (!out)
		return error_errno(err, "cannot write %s", path);
	chart_print_svg(out, chart);
	failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return error_errno(err, "cannot write %s", path);
	return 0;
}

static int print_json(const struct chart *chart)
{
	_cleanup_json_ json_t *json = chart_json(chart);

	if (!json) {
		fputs("proa boot-chart: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	json_dumpf(json, stdout, JSON_INDENT(2));
	fputc('\n', stdout);
	return EXIT_DONE;
}

int command_boot_chart(int argc, char **argv)
{
	const char *file = NULL;
	bool as_text = false, as_json = false;
	const struct option options[] = {
		{'o', "output", "FILE", OPTION_STRING, &file,
		 "write the picture (SVG) to FILE, and the text to standard output"},
		{0, "text", NULL, OPTION_FLAG, &as_text, "print the critical path alone"},
		{0, "json", NULL, OPTION_FLAG, &as_json, "print one JSON object"},
		{0, NULL, NULL, OPTION_FLAG, NULL, NULL},
	};
	const struct option_usage usage = {
		.command = "proa boot-chart",
		.operands = "[-o FILE.svg] [--text | --json]",
		.summary = "Draws what took how long in this boot, and tells what it waited for.",
		.notes = "Without options, the picture goes to standard output; on a terminal, the "
			 "text.",
	};
	static struct chart chart; /* 10 KiB */
	struct error err = ERROR_INIT;
	int r = command_arguments(argc, argv, &usage, options, NULL, 0, NULL);

	if (r >= 0)
		return r;
	if (as_text && as_json)
		return command_usage(usage.command, "--text and --json exclude each other");
	r = make(&chart, &err);
	if (r == 0 && file)
		r = write_svg(file, &chart, &err);
	if (r < 0) {
		fprintf(stderr, "proa boot-chart: %s\n", err.message);
		return EXIT_FAILED;
	}
	if (as_json)
		return print_json(&chart);
	if (file || as_text || isatty(STDOUT_FILENO))
		chart_print(stdout, &chart);
	else
		chart_print_svg(stdout, &chart);
	return EXIT_DONE;
}
