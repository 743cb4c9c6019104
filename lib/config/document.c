#include "lib/config/document.h"

#include <string.h>

#include "lib/config/schema.h"

enum { EXPECTED_SIZE = 256 };

/* What a format puts before, between and behind the rows. */
struct style {
	void (*section)(FILE *out, const struct config_row *row); /* NULL: those of the top */
	void (*unused)(FILE *out);
	void (*key)(FILE *out, const struct config_row *row, const char *expected);
};

static const char *note(const struct config_row *row)
{
	return row->flags & CONFIG_LATER ? " Checked only, in this version." : "";
}

/* Markdown's ` marks what is typed; a terminal has no use for it. */
static void print_plain(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text != '`')
			fputc(*text, out);
}

static void text_section(FILE *out, const struct config_row *row)
{
	if (!row)
		return;
	fprintf(out, "%s\n    ", row->path);
	print_plain(out, row->about);
	fprintf(out, "%s\n\n", note(row));
}

static void text_unused(FILE *out)
{
	fputs("Without effect, and why:\n\n", out);
}

static void text_key(FILE *out, const struct config_row *row, const char *expected)
{
	fprintf(out, "%s\n    ", row->path);
	print_plain(out, row->about);
	fputs(note(row), out);
	if (*expected)
		fprintf(out, "\n    Value: %s", expected);
	if (row->fallback && *row->fallback)
		fprintf(out, "; default: %s", row->fallback);
	fputs("\n\n", out);
}

static void markdown_section(FILE *out, const struct config_row *row)
{
	if (row)
		fprintf(out, "\n## `%s`\n\n%s%s\n", row->path, row->about, note(row));
	else
		fputs("\n## At the top\n", out);
	fputs("\n| key | value | default | |\n| --- | --- | --- | --- |\n", out);
}

static void markdown_unused(FILE *out)
{
	fputs("\n## Without effect\n\nThey are met with a warning, not with silence.\n\n"
	      "| key | why |\n| --- | --- |\n",
	      out);
}

static void markdown_key(FILE *out, const struct config_row *row, const char *expected)
{
	if (row->flags & CONFIG_UNUSED)
		fprintf(out, "| `%s` | %s |\n", row->path, row->about);
	else if (row->fallback && *row->fallback)
		fprintf(out, "| `%s` | %s | `%s` | %s%s |\n", row->path, expected, row->fallback,
			row->about, note(row));
	else
		fprintf(out, "| `%s` | %s | | %s%s |\n", row->path, expected, row->about,
			note(row));
}

/* roff takes a line that begins with . or ' for a request, and - for a hyphen. */
static void print_roff(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (c == text && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		if (*c == '\\')
			fputs("\\e", out);
		else if (*c == '-')
			fputs("\\-", out);
		else if (*c != '`')
			fputc(*c, out);
	}
}

static void man_section(FILE *out, const struct config_row *row)
{
	if (!row) {
		fputs(".SH KEYS AT THE TOP\n", out);
		return;
	}
	fprintf(out, ".SH %s\n", row->path);
	print_roff(out, row->about);
	fprintf(out, "%s\n", note(row));
}

static void man_unused(FILE *out)
{
	fputs(".SH KEYS WITHOUT EFFECT\n", out);
}

static void man_key(FILE *out, const struct config_row *row, const char *expected)
{
	fputs(".TP\n.B ", out);
	print_roff(out, row->path);
	fputc('\n', out);
	print_roff(out, row->about);
	fputs(note(row), out);
	if (*expected) {
		fputs("\nValue: ", out);
		print_roff(out, expected);
	}
	if (row->fallback && *row->fallback) {
		fputs("; default: ", out);
		print_roff(out, row->fallback);
	}
	fputs(*expected ? ".\n" : "\n", out);
}

static const struct style styles[] = {
	[CONFIG_FORMAT_TEXT] = {text_section, text_unused, text_key},
	[CONFIG_FORMAT_MARKDOWN] = {markdown_section, markdown_unused, markdown_key},
	[CONFIG_FORMAT_MAN] = {man_section, man_unused, man_key},
};

/* `proa.ssh`, not `write_files[]` or `proa.network.interfaces.*`: a heading of its own. */
static bool is_section(const struct config_row *row)
{
	const char *name;

	return row->kinds == 1U << CONFIG_MAP && !strpbrk(row->path, "*[") &&
	       config_row_next(row, NULL, &name) && strcmp(name, "*") != 0;
}

static void print_key(FILE *out, const struct style *style, const struct config_row *row)
{
	char expected[EXPECTED_SIZE] = "";

	if (!(row->flags & CONFIG_UNUSED))
		config_expected(row, expected, sizeof(expected));
	style->key(out, row, expected);
}

size_t config_document(FILE *out, enum config_format format, const char *prefix)
{
	const struct style *style = &styles[format];
	size_t length = prefix ? strlen(prefix) : 0;
	size_t count = 0, unused = 0;

	if (!prefix)
		style->section(out, NULL);
	for (size_t i = 0; i < config_rows_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->flags & CONFIG_UNUSED ||
		    strncmp(row->path, prefix ? prefix : "", length) != 0)
			continue;
		count++;
		if (is_section(row))
			style->section(out, row);
		else
			print_key(out, style, row);
	}
	for (size_t i = 0; i < config_rows_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (!(row->flags & CONFIG_UNUSED) ||
		    strncmp(row->path, prefix ? prefix : "", length) != 0)
			continue;
		if (unused++ == 0)
			style->unused(out);
		print_key(out, style, row);
	}
	return count + unused;
}
