#include "init/boot/modules.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/module.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	TEXT_LIMIT = 16 << 20, /* Debian's modules.alias has 1.4 MB */
	PAGE_LIMIT = 4096,     /* of a sysfs attribute */
	NAME_SIZE = 64,        /* MODULE_NAME_LEN of the kernel is 56 */
	PATH_SIZE = 512,
	DEPTH_MAX = 16, /* of softdeps that name softdeps */
};

/* A line of modules.dep. */
struct entry {
	const char *path;  /* up to the colon */
	const char *needs; /* behind it */
	bool begun;        /* softdeps may form a ring: each is followed once */
	bool tried;        /* inserted, with this result */
	int result;
};

struct modules {
	char *folder;
	char *dep, *alias, *softdep; /* the texts; lines in `dep` are cut by NUL */
	struct entry *entries;
	size_t entries_count;
	modules_insert_fn insert;
	void *insert_context;
	int inserted;
};

/* finit_module(2), for files that may be compressed. */
static int insert_file(void *context, const char *path)
{
	size_t length = strlen(path);
	int flags = length > 3 && strcmp(path + length - 3, ".ko") == 0
			    ? 0
			    : MODULE_INIT_COMPRESSED_FILE;
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)context;
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", flags) < 0)
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

static char as_name(char c)
{
	return c == '-' ? '_' : c;
}

/* Does `path`, up to `size` bytes, hold the module `name`? '-' and '_' are the same here. */
static bool path_is(const char *path, size_t size, const char *name)
{
	const char *slash = memrchr(path, '/', size);
	const char *base = slash ? slash + 1 : path;
	size_t left = size - (size_t)(base - path);

	for (; *name; name++, base++, left--) {
		if (left == 0 || as_name(*base) != as_name(*name))
			return false;
	}
	return left >= 3 && memcmp(base, ".ko", 3) == 0 && (left == 3 || base[3] == '.');
}

static struct entry *find_entry(struct modules *modules, const char *name)
{
	for (size_t i = 0; i < modules->entries_count; i++) {
		const char *path = modules->entries[i].path;

		if (path_is(path, strlen(path), name))
			return &modules->entries[i];
	}
	return NULL;
}

static struct entry *find_path(struct modules *modules, const char *path, size_t size)
{
	for (size_t i = 0; i < modules->entries_count; i++) {
		const char *its = modules->entries[i].path;

		if (strlen(its) == size && memcmp(its, path, size) == 0)
			return &modules->entries[i];
	}
	return NULL;
}

/* Cuts the next word out of the line at `*at` into `out`; false at its end. */
static bool next_word(const char **at, char *out, size_t size)
{
	size_t length;

	*at += strspn(*at, " \t");
	length = strcspn(*at, " \t\n");
	if (length == 0)
		return false;
	snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), *at);
	*at += length;
	return true;
}

static int insert_path(struct modules *modules, struct entry *entry)
{
	char path[PATH_SIZE];

	if (entry->tried)
		return entry->result;
	entry->tried = true;
	if (snprintf(path, sizeof(path), "%s/%s", modules->folder, entry->path) >=
	    (int)sizeof(path))
		return entry->result = -ENAMETOOLONG;
	entry->result = modules->insert(modules->insert_context, path);
	if (entry->result == 0)
		modules->inserted++;
	return entry->result;
}

static int load_named(struct modules *modules, const char *name, int depth);

/* Loads what softdep lines of `entry` list behind `kind` ("pre:" or "post:"). */
static void load_softdeps(struct modules *modules, const struct entry *entry, const char *kind,
			  int depth)
{
	for (const char *line = modules->softdep; line && *line; line = strchrnul(line, '\n')) {
		char word[NAME_SIZE];
		const char *at;
		bool wanted = strcmp(kind, "pre:") == 0; /* words before any keyword */

		line += *line == '\n';
		at = line;
		if (!next_word(&at, word, sizeof(word)) || strcmp(word, "softdep") != 0 ||
		    !next_word(&at, word, sizeof(word)) ||
		    !path_is(entry->path, strlen(entry->path), word))
			continue;
		while (next_word(&at, word, sizeof(word))) {
			if (word[strlen(word) - 1] == ':')
				wanted = strcmp(word, kind) == 0;
			else if (wanted)
				(void)load_named(modules, word, depth + 1);
		}
	}
}

/* Inserts what the line of modules.dep lists; it names the nearest first, so from its end. */
static int load_needs(struct modules *modules, const char *needs, int depth)
{
	size_t end = strlen(needs);

	for (;;) {
		size_t start;
		struct entry *needed;
		int r;

		while (end > 0 && needs[end - 1] == ' ')
			end--;
		start = end;
		while (start > 0 && needs[start - 1] != ' ')
			start--;
		if (start == end)
			return 0;
		needed = find_path(modules, needs + start, end - start);
		if (!needed)
			return -ENOENT;
		if (!needed->begun) {
			needed->begun = true;
			load_softdeps(modules, needed, "pre:", depth);
		}
		r = insert_path(modules, needed);
		if (r < 0)
			return r;
		end = start;
	}
}

static int load_entry(struct modules *modules, struct entry *entry, int depth)
{
	int r;

	if (entry->tried || entry->begun)
		return entry->result;
	entry->begun = true;
	load_softdeps(modules, entry, "pre:", depth);
	r = load_needs(modules, entry->needs, depth);
	if (r < 0)
		return entry->result = r;
	r = insert_path(modules, entry);
	if (r == 0)
		load_softdeps(modules, entry, "post:", depth);
	return r;
}

/* A hardware's modalias against patterns, or a name like "crypto-crc32c" against names. */
static bool alias_matches(const char *pattern, const char *alias)
{
	size_t bus = strcspn(pattern, ":*[");
	size_t i;

	if (pattern[bus]) {
		/* Different buses differ early: fnmatch only where the bus is the same. */
		return strncmp(pattern, alias, bus) == 0 && fnmatch(pattern, alias, 0) == 0;
	}
	for (i = 0; pattern[i] && as_name(pattern[i]) == as_name(alias[i]); i++)
		;
	return pattern[i] == '\0' && alias[i] == '\0';
}

static int load_by_alias(struct modules *modules, const char *alias, int depth)
{
	int found = 0;
	char pattern[PATH_SIZE], name[NAME_SIZE];

	for (const char *line = modules->alias; line && *line; line = strchrnul(line, '\n')) {
		const char *at;
		struct entry *entry;

		line += *line == '\n';
		if (strncmp(line, "alias ", 6) != 0)
			continue;
		at = line + 6;
		if (as_name(*at) != as_name(*alias) && *at != '*' && *at != '[')
			continue; /* most lines end here, uncopied */
		if (!next_word(&at, pattern, sizeof(pattern)) || !alias_matches(pattern, alias) ||
		    !next_word(&at, name, sizeof(name)))
			continue;
		entry = find_entry(modules, name);
		if (!entry)
			continue;
		found++;
		(void)load_entry(modules, entry, depth);
	}
	return found;
}

static int load_named(struct modules *modules, const char *name, int depth)
{
	struct entry *entry = find_entry(modules, name);

	if (depth > DEPTH_MAX)
		return -ELOOP;
	if (entry)
		return load_entry(modules, entry, depth);
	return load_by_alias(modules, name, depth) > 0 ? 0 : -ENOENT;
}

int modules_load(struct modules *modules, const char *name, struct error *err)
{
	int r = load_named(modules, name, 0);

	if (r < 0) {
		errno = -r;
		return error_errno(err, "cannot load the kernel module %s from %s", name,
				   modules->folder);
	}
	return 0;
}

int modules_load_alias(struct modules *modules, const char *modalias)
{
	int before = modules->inserted;

	(void)load_by_alias(modules, modalias, 0);
	return modules->inserted - before;
}

/*
 * QEMU's emulated processor has AVX2, but runs it slower than plain code: dm-verity's
 * SHA-256 then takes a fifth of the whole start. One with instructions for SHA-256 itself
 * (newer QEMUs emulate them) is quick again.
 */
static bool emulates_vectors(void)
{
	enum { HYPERVISOR = 1U << 31, HYPERVISOR_LEAF = 0x40000000 };
	unsigned int a, b, c, d, features = 0;
	char name[12];

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & HYPERVISOR))
		return false;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		features = b;
	__cpuid(HYPERVISOR_LEAF, a, b, c, d);
	memcpy(name, &b, 4);
	memcpy(name + 4, &c, 4);
	memcpy(name + 8, &d, 4);
	return memcmp(name, "TCGTCGTCGTCG", sizeof(name)) == 0 && !(features & bit_SHA);
}

void modules_load_processor(struct modules *modules)
{
	_cleanup_free_ char *modalias = NULL;
	size_t size;

	if (emulates_vectors() ||
	    io_read_file("/sys/devices/system/cpu/modalias", PAGE_LIMIT, &modalias, &size, NULL) < 0)
		return;
	modalias[strcspn(modalias, "\n")] = '\0';
	(void)modules_load_alias(modules, modalias);
}

static int index_entries(struct modules *modules, struct error *err)
{
	size_t lines = 0;

	for (const char *p = modules->dep; *p; p++)
		lines += *p == '\n';
	modules->entries = calloc(lines + 1, sizeof(*modules->entries));
	if (!modules->entries)
		return error_oom(err);
	for (char *line = modules->dep; line && *line;) {
		char *next = strchr(line, '\n');
		char *colon;

		if (next)
			*next++ = '\0';
		colon = strchr(line, ':');
		if (colon && modules->entries_count <= lines) {
			struct entry *entry = &modules->entries[modules->entries_count++];

			*colon = '\0';
			entry->path = line;
			entry->needs = colon + 1;
		}
		line = next;
	}
	return 0;
}

static int read_text(const char *folder, const char *name, bool optional, char **out,
		     struct error *err)
{
	char path[PATH_SIZE];
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	r = io_read_file(path, TEXT_LIMIT, out, &size, err);
	if (r == -ENOENT && optional)
		return 0;
	return r;
}

int modules_open(const char *folder, struct modules **out, struct error *err)
{
	_cleanup_modules_ struct modules *modules = calloc(1, sizeof(*modules));
	int r;

	if (!modules)
		return error_oom(err);
	modules->insert = insert_file;
	modules->folder = strdup(folder);
	if (!modules->folder)
		return error_oom(err);
	r = read_text(folder, "modules.dep", false, &modules->dep, err);
	if (r == 0)
		r = read_text(folder, "modules.alias", true, &modules->alias, err);
	if (r == 0)
		r = read_text(folder, "modules.softdep", true, &modules->softdep, err);
	if (r == 0)
		r = index_entries(modules, err);
	if (r < 0)
		return r;
	*out = ptr_take(modules);
	return 0;
}

int modules_open_running(struct modules **out, struct error *err)
{
	struct utsname name;
	char folder[PATH_SIZE];

	if (uname(&name) < 0)
		return error_errno(err, "cannot ask for the kernel's version");
	snprintf(folder, sizeof(folder), "/lib/modules/%s", name.release);
	return modules_open(folder, out, err);
}

void modules_free(struct modules *modules)
{
	if (!modules)
		return;
	free(modules->folder);
	free(modules->dep);
	free(modules->alias);
	free(modules->softdep);
	free(modules->entries);
	free(modules);
}

void modules_set_insert(struct modules *modules, modules_insert_fn insert, void *context)
{
	modules->insert = insert;
	modules->insert_context = context;
}
