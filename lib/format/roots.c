#include "lib/format/roots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/format/slot.h"

void roots_add_former(struct keyring *former, const struct root *root)
{
	for (size_t i = 0; i < root->keys.count; i++) {
		const struct public_key *key = &root->keys.entries[i].key;

		if (root->keys.entries[i].role != SIGN_ROLE_RELEASE ||
		    keyring_add(former, SIGN_ROLE_RELEASE, key) == 0)
			continue;
		former->count--;
		memmove(former->entries, former->entries + 1,
			former->count * sizeof(former->entries[0]));
		(void)keyring_add(former, SIGN_ROLE_RELEASE, key);
	}
}

/* The highest N of the folder's N.root; 0: it has none. */
static int highest(const char *folder, unsigned long long *out, struct error *err)
{
	_cleanup_dir_ DIR *stream = opendir(folder);
	struct dirent *entry;

	if (!stream)
		return error_errno(err, "cannot open the folder %s", folder);
	*out = 0;
	while ((entry = readdir(stream))) {
		unsigned long long number;
		char *end;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		number = strtoull(entry->d_name, &end, 10);
		if (strcmp(end, ".root") == 0 && number > *out)
			*out = number;
	}
	return 0;
}

static int load(const char *folder, unsigned long long number, const struct root *previous,
		struct root *out, struct error *err)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%llu.root", folder, number) >= sizeof(path))
		return error_set(err, -ENAMETOOLONG, "the name %s is too long", folder);
	return root_load_after(path, previous, out, err);
}

int roots_newest(const char *folder, struct root *out, struct error *err)
{
	unsigned long long number = 0;
	int r = highest(folder, &number, err);

	if (r < 0)
		return r;
	return number ? load(folder, number, NULL, out, err)
		      : error_set(err, -ENOENT, "%s holds no root document", folder);
}

int roots_load(const char *image, const char *seen, struct roots *out, struct error *err)
{
	struct root one;
	uint64_t last;
	int r;

	out->former.count = 0;
	r = roots_newest(image, &out->newest, err);
	if (r < 0)
		return r;
	last = out->newest.number;
	for (uint64_t n = last > ROOTS_FORMER_MAX ? last - ROOTS_FORMER_MAX : 1; n < last; n++)
		if (load(image, n, NULL, &one, NULL) == 0)
			roots_add_former(&out->former, &one);
	roots_add_former(&out->former, &out->newest);
	while (load(seen, out->newest.number + 1, &out->newest, &one, NULL) == 0) {
		out->newest = one;
		roots_add_former(&out->former, &one);
	}
	return 0;
}

int roots_verify_slot(const char *device, const char *image, const char *seen, struct error *err)
{
	static struct roots roots; /* 20 KiB each */
	static struct slot slot;
	_cleanup_fd_ int fd = open(device, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	int r;

	if (size < 0)
		return error_errno(err, "cannot open the slot %s", device);
	r = roots_load(image, seen, &roots, err);
	if (r == 0)
		r = slot_verify_descriptor(fd, 0, (uint64_t)size, &roots.former, &slot, err);
	if (r == 0)
		r = slot_verify_tree(fd, 0, &slot, VERITY_PAST_CACHE, NULL, NULL, err);
	return r;
}
