#include "init/services/resolv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/io.h"

enum { RESOLV_MAX = 64 << 10 };

void resolv_free(struct resolv *resolv)
{
	free(resolv->nameservers);
	free(resolv->search);
	*resolv = (struct resolv){0};
}

int resolv_watch(const char *folder, struct error *err)
{
	_cleanup_fd_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r = io_make_dirs(folder, err);

	if (r < 0)
		return r;
	/* networkd replaces its files as a whole. */
	if (fd < 0 || inotify_add_watch(fd, folder, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
		return error_errno(err, "cannot watch %s", folder);
	return fd_take(&fd);
}

/* "10.0.2.3 2001:db8::1#name": words; what stands behind "#" is for DNS over TLS. */
static void print_words(FILE *out, const char *words, const char *before, const char *between)
{
	bool first = true;

	for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		fprintf(out, "%s%.*s", first ? before : between, (int)strcspn(at, " #"), at);
		first = false;
		at += length;
	}
	if (!first)
		fputc('\n', out);
}

static char *make_text(const struct resolv *resolv, const char *state)
{
	_cleanup_fields_ struct fields fields = {0};
	const char *servers = NULL, *domains = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (fields_read(state, &fields, NULL) == 0) {
		servers = fields_get(&fields, "DNS");
		domains = fields_get(&fields, "DOMAINS");
	}
	if (resolv->nameservers)
		fputs(resolv->nameservers, out);
	else if (servers)
		print_words(out, servers, "nameserver ", "\nnameserver ");
	if (resolv->search)
		fputs(resolv->search, out);
	else if (domains)
		print_words(out, domains, "search ", " ");
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int resolv_update(const struct resolv *resolv, int watch, const char *state, const char *path,
		  struct error *err)
{
	_cleanup_free_ char *text = NULL, *before = NULL;
	_cleanup_fd_ int fd = -1;
	char events[4096];
	size_t size;
	int r;

	while (watch >= 0 && read(watch, events, sizeof(events)) > 0)
		;
	text = make_text(resolv, state);
	if (!text)
		return error_oom(err);
	if (io_read_file(path, RESOLV_MAX, &before, &size, NULL) == 0 && strcmp(before, text) == 0)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	/* Cut behind the new text, and not before it: a reader finds no empty file. */
	r = io_pwrite_full(fd, text, strlen(text), 0);
	if (r == 0 && ftruncate(fd, (off_t)strlen(text)) < 0)
		r = -errno;
	errno = -r;
	return r < 0 ? error_errno(err, "cannot write %s", path) : 0;
}
