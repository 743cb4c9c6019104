#include "init/boot/cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

/* Copies the value of the first `name` in the line; false where it is absent or too long. */
static bool find(const char *line, const char *name, char *out, size_t size)
{
	size_t length = strlen(name);
	const char *at = line;

	while (*at) {
		size_t word;

		at += strspn(at, " \t\n");
		word = strcspn(at, " \t\n");
		if (word > length && at[length] == '=' && memcmp(at, name, length) == 0) {
			size_t value = word - length - 1;

			if (value >= size)
				return false;
			memcpy(out, at + length + 1, value);
			out[value] = '\0';
			return true;
		}
		at += word;
	}
	return false;
}

static bool find_set(const char *line, const char *name)
{
	char value[2];

	return find(line, name, value, sizeof(value)) && value[0] == '1';
}

/* 8-4-4-4-12 hexadecimal digits; made lower case. */
static bool is_uuid(char *text)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		text[i] = (char)tolower((unsigned char)text[i]);
	}
	return text[36] == '\0';
}

int cmdline_parse(const char *line, struct cmdline *out, struct error *err)
{
	char slot[CMDLINE_VALUE_SIZE] = "";

	memset(out, 0, sizeof(*out));
	snprintf(out->all, sizeof(out->all), "%s", line);
	out->all[strcspn(out->all, "\n")] = '\0';

	out->unsaved = find_set(line, "proa.unsaved");
	out->fellback = find_set(line, "proa.fellback");
	out->lastresort = find_set(line, "proa.lastresort");
	out->debug = find_set(line, "proa.debug");
	(void)find(line, "proa.flip", out->flip, sizeof(out->flip));

	if (!find(line, "proa.slot", slot, sizeof(slot)) || (slot[0] != 'a' && slot[0] != 'b') ||
	    slot[1] != '\0')
		return error_set(err, -EINVAL,
				 "the kernel command line has no proa.slot=a or proa.slot=b");
	out->slot = slot[0];
	if (!find(line, "proa.root", out->root, sizeof(out->root)) || !is_uuid(out->root)) {
		out->root[0] = '\0';
		return error_set(err, -EINVAL,
				 "the kernel command line has no proa.root=PARTUUID of slot %c",
				 out->slot);
	}
	return 0;
}

int cmdline_read(struct cmdline *out, struct error *err)
{
	_cleanup_free_ char *line = NULL;
	size_t size;
	int r;

	memset(out, 0, sizeof(*out));
	r = io_read_file("/proc/cmdline", CMDLINE_SIZE, &line, &size, err);
	if (r < 0)
		return r;
	return cmdline_parse(line, out, err);
}
