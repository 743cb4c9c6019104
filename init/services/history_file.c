#include "init/services/history_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/printable.h"

/* Takes `key` and the word behind it, up to the next blank. NULL: it is not there. */
static char *take_word(char **at, const char *key)
{
	size_t length = strlen(key);
	char *word, *blank;

	if (strncmp(*at, key, length) != 0)
		return NULL;
	word = *at + length;
	blank = strchr(word, ' ');
	if (!blank)
		return NULL;
	*blank = '\0';
	*at = blank + 1;
	return word;
}

static bool take_text(char **at, const char *key, char *out, size_t size)
{
	const char *word = take_word(at, key);

	if (!word || strlen(word) >= size)
		return false;
	memcpy(out, word, strlen(word) + 1);
	return true;
}

/* As PID 1 writes them: digits alone, no more than 64 bits. */
static bool take_number(char **at, const char *key, uint64_t most, uint64_t *out)
{
	const char *word = take_word(at, key);
	uint64_t number = 0;

	if (!word || !*word)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9' || __builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*word - '0'), &number))
			return false;
	}
	*out = number;
	return number <= most;
}

static bool take_flag(char **at, const char *key, bool *out)
{
	uint64_t number;

	if (!take_number(at, key, 1, &number))
		return false;
	*out = number == 1;
	return true;
}

static bool take_slot(char **at, char *out)
{
	const char *word = take_word(at, "slot=");

	if (!word || (strcmp(word, "a") != 0 && strcmp(word, "b") != 0))
		return false;
	*out = *word;
	return true;
}

/* One line, without its end; it is cut into words on the way. */
static bool parse_boot(char *line, struct history_boot *out)
{
	struct history_boot boot = {0};
	uint64_t stage, end;

	if (!take_number(&line, "boot=", UINT64_MAX, &boot.number) || boot.number == 0 ||
	    !take_number(&line, "time=", UINT64_MAX, &boot.time) ||
	    !take_number(&line, "uptime=", UINT64_MAX, &boot.uptime_s) ||
	    !take_slot(&line, &boot.slot) ||
	    !take_text(&line, "version=", boot.version, sizeof(boot.version)) ||
	    !take_number(&line, "stage=", BOOTLOG_SETTLED, &stage) || stage < BOOTLOG_INITRAMFS ||
	    !take_number(&line, "end=", BOOTLOG_HALT, &end) ||
	    !take_flag(&line, "fellback=", &boot.fellback) ||
	    !take_flag(&line, "lastresort=", &boot.lastresort) ||
	    !take_flag(&line, "degraded=", &boot.degraded) ||
	    !take_text(&line, "flip=", boot.flip, sizeof(boot.flip)) ||
	    strncmp(line, "text=", 5) != 0 || strlen(line) > HISTORY_TEXT_MAX + 5)
		return false;
	boot.text = line + 5;
	boot.stage = (enum bootlog_stage)stage;
	boot.end = (enum bootlog_end)end;
	*out = boot;
	return true;
}

/* Room for one more; the table grows in powers of two. */
static int make_room(struct history_file *file, struct error *err)
{
	struct history_boot *more;

	if (file->count & (file->count - 1) || (file->count > 0 && file->count < 16))
		return 0;
	more = reallocarray(file->boots, file->count ? file->count * 2 : 16, sizeof(*more));
	if (!more)
		return error_oom(err);
	file->boots = more;
	return 0;
}

/* A log line belongs to the boot above it; where that was damaged, to none. */
static bool add_line(struct history_boot *boot, char *line)
{
	size_t size = strlen(line) + 1;

	if (!boot || boot->line_count == HISTORY_LINES_MAX)
		return false;
	if (boot->line_count == 0)
		boot->lines = line;
	/* Without its tab: never longer than the room that it and those before it had. */
	memmove(boot->lines + boot->lines_size, line + 1, size - 1);
	boot->lines_size += size - 1;
	boot->line_count++;
	return true;
}

static int add(struct history_file *file, struct history_boot **boot, char *line, struct error *err)
{
	bool log = *line == '\t';
	int r;

	printable_make(line);
	if (log) {
		file->damaged += !add_line(*boot, line);
		return 0;
	}
	r = make_room(file, err);
	if (r < 0)
		return r;
	*boot = &file->boots[file->count];
	if (parse_boot(line, *boot)) {
		file->count++;
	} else {
		*boot = NULL;
		file->damaged++;
	}
	return 0;
}

int history_file_parse(const char *bytes, size_t size, struct history_file *out, struct error *err)
{
	struct history_file file = {0};
	struct history_boot *boot = NULL;
	char *line, *end;
	int r = 0;

	if (size > HISTORY_FILE_MAX)
		return error_set(err, -EFBIG, "the history is larger than %d MiB",
				 HISTORY_FILE_MAX >> 20);
	file.bytes = malloc(size + 1);
	if (!file.bytes)
		return error_oom(err);
	memcpy(file.bytes, bytes, size);
	file.bytes[size] = '\0';
	end = file.bytes + size;
	for (line = file.bytes; r == 0 && line < end;) {
		char *stop = memchr(line, '\n', (size_t)(end - line));

		/* A NUL, or no end: a power cut has torn it. */
		if (!stop || memchr(line, '\0', (size_t)(stop - line))) {
			file.damaged++;
			boot = NULL;
		} else {
			*stop = '\0';
			r = add(&file, &boot, line, err);
		}
		line = stop ? stop + 1 : end;
	}
	if (r < 0)
		history_file_free(&file);
	else
		*out = file;
	return r;
}

void history_file_free(struct history_file *file)
{
	free(file->boots);
	free(file->bytes);
	*file = (struct history_file){0};
}
