#include "init/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { FILE_SIZE_MAX = 8192 };

enum kind { LETTER, TEXT, FLAG, NUMBER };

/* One table writes and reads. */
static const struct {
	const char *key;
	enum kind kind;
	size_t offset, size;
} keys[] = {
#define KEY(name, kind) {#name, kind, offsetof(struct facts, name), sizeof(((struct facts *)0)->name)}
	KEY(slot, LETTER),      KEY(version, TEXT),    KEY(root_hash, TEXT),
	KEY(disk, TEXT),        KEY(flip, TEXT),       KEY(slot_a, TEXT),
	KEY(slot_b, TEXT),      KEY(state, TEXT),      KEY(good, FLAG),
	KEY(fellback, FLAG),    KEY(lastresort, FLAG), KEY(unsaved, FLAG),
	KEY(debug, FLAG),       KEY(boot, NUMBER),     KEY(flip_text, TEXT),
	KEY(t_init, NUMBER),    KEY(t_disk, NUMBER),   KEY(t_root, NUMBER),
	KEY(t_pid1, NUMBER),    KEY(t_state, NUMBER),  KEY(t_daemons, NUMBER),
	KEY(t_gate, NUMBER),    KEY(t_settled, NUMBER), KEY(kernel_args, TEXT),
	KEY(watchdog, TEXT),    KEY(watchdog_timeout, NUMBER),
	KEY(data_version, NUMBER), KEY(least_epoch, NUMBER),
#undef KEY
};

int facts_write(const struct facts *facts, struct error *err)
{
	char text[FILE_SIZE_MAX];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *at = (const char *)facts + keys[i].offset;
		size_t room = sizeof(text) - used;
		int n = 0;

		switch (keys[i].kind) {
		case LETTER:
			n = snprintf(text + used, room, "%s=%c\n", keys[i].key, *at);
			break;
		case TEXT:
			n = snprintf(text + used, room, "%s=%s\n", keys[i].key, at);
			break;
		case FLAG:
			n = snprintf(text + used, room, "%s=%d\n", keys[i].key, *(const bool *)at);
			break;
		case NUMBER:
			n = snprintf(text + used, room, "%s=%llu\n", keys[i].key,
				     (unsigned long long)*(const uint64_t *)(const void *)at);
			break;
		}
		if (n < 0 || (size_t)n >= room)
			return error_set(err, -ENOSPC, "too much to say in " FACTS_PATH);
		used += (size_t)n;
	}
	return io_replace_file(FACTS_PATH, text, used, 0644, err);
}

static int set(struct facts *out, size_t i, const char *value)
{
	char *at = (char *)out + keys[i].offset;
	char *end;

	switch (keys[i].kind) {
	case LETTER:
		if (!value[0] || value[1])
			return -EBADMSG;
		*at = value[0];
		return 0;
	case TEXT:
		if (strlen(value) >= keys[i].size)
			return -EBADMSG;
		strcpy(at, value);
		return 0;
	case FLAG:
		if ((value[0] != '0' && value[0] != '1') || value[1])
			return -EBADMSG;
		*(bool *)at = value[0] == '1';
		return 0;
	case NUMBER:
		errno = 0;
		*(uint64_t *)(void *)at = strtoull(value, &end, 10);
		return errno || *end || end == value ? -EBADMSG : 0;
	}
	return -EBADMSG;
}

int facts_parse(char *text, struct facts *out, struct error *err)
{
	char *line;

	memset(out, 0, sizeof(*out));
	while ((line = strsep(&text, "\n"))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			if (strcmp(line, keys[i].key) == 0 && set(out, i, value) < 0)
				return error_set(err, -EBADMSG, FACTS_PATH " has a wrong %s", line);
		}
	}
	if (out->slot != 'a' && out->slot != 'b')
		return error_set(err, -EBADMSG, FACTS_PATH " names no slot");
	return 0;
}

int facts_read(struct facts *out, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = io_read_file(FACTS_PATH, FILE_SIZE_MAX, &text, &size, err);

	return r < 0 ? r : facts_parse(text, out, err);
}
