#include "images/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/bundle_check.h"
#include "images/put.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static int join(char out[PATH_MAX], const char *folder, const char *name, const char *suffix,
		struct error *err)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s%s", folder, name, suffix) >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "the name of the folder %s is too long",
				 folder);
	return 0;
}

static void free_document(struct shelf_document *document)
{
	free(document->text);
	free(document->signature);
	*document = (struct shelf_document){.text = NULL};
}

/* The file and the one beside it; on failure the caller frees what was read. */
static int read_document(const char *folder, const char *name, size_t limit,
			 struct shelf_document *out, struct error *err)
{
	char path[PATH_MAX];
	int r = join(path, folder, name, "", err);

	snprintf(out->name, sizeof(out->name), "%s", name);
	if (r == 0)
		r = io_read_file(path, limit, &out->text, &out->size, err);
	if (r == 0)
		r = join(path, folder, name, ".sig", err);
	if (r == 0)
		r = io_read_file(path, SIGNATURES_SIZE_MAX, &out->signature, &out->signature_size,
				 err);
	return r;
}

/* ---- root documents ---- */

static int read_root(const char *folder, struct shelf_roots *roots, struct error *err)
{
	struct shelf_document *document = &roots->documents[roots->count];
	const struct root previous = roots->newest;
	char name[CHANNEL_FILE_SIZE];
	int r;

	snprintf(name, sizeof(name), "%zu.root", roots->count + 1);
	r = read_document(folder, name, ROOT_SIZE_MAX, document, err);
	if (r == -ENOENT)
		r = error_wrap(err, r,
			       "all root documents, from 1.root and 1.root.sig on, must lie in the "
			       "channel's folder");
	if (r == 0)
		r = root_verify(document->text, document->size, document->signature,
				document->signature_size, roots->count ? &previous : NULL,
				&roots->newest, err);
	if (r == 0 && roots->newest.number != roots->count + 1)
		r = error_set(err, -EBADMSG, "it has the number %llu",
			      (unsigned long long)roots->newest.number);
	if (r < 0) {
		free_document(document);
		return error_wrap(err, r, "%s/%s", folder, name);
	}
	roots->count++;
	return 0;
}

int shelf_read_roots(const char *folder, struct shelf_roots *out, struct error *err)
{
	char path[PATH_MAX], name[CHANNEL_FILE_SIZE];
	int r = 0;

	*out = (struct shelf_roots){.count = 0};
	do {
		r = out->count == SHELF_ROOTS_MAX
			    ? error_set(err, -EFBIG, "%s has more than %d root documents", folder,
					SHELF_ROOTS_MAX)
			    : read_root(folder, out, err);
		snprintf(name, sizeof(name), "%zu.root", out->count + 1);
		if (r == 0)
			r = join(path, folder, name, "", err);
	} while (r == 0 && access(path, F_OK) == 0);
	if (r < 0)
		shelf_free_roots(out);
	return r;
}

void shelf_free_roots(struct shelf_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		free_document(&roots->documents[i]);
	roots->count = 0;
}

/* ---- channels ---- */

/* A machine takes a channel for that alone which its address names. */
static int check_name(const struct shelf_channel *c, struct error *err)
{
	const char *name = c->document.name;
	size_t length = strlen(c->channel.name);

	if (strncmp(name, c->channel.name, length) == 0 && strcmp(name + length, ".channel") == 0)
		return 0;
	return error_set(err, -EBADMSG, "it is the channel \"%s\", whose file is called %s.channel",
			 c->channel.name, c->channel.name);
}

int shelf_read_channel(const char *folder, const char *name, const struct keyring *keys,
		       struct shelf_channel *out, struct error *err)
{
	struct shelf_document *document = &out->document;
	struct signatures signatures;
	int r;

	memset(out, 0, sizeof(*out));
	r = read_document(folder, name, CHANNEL_SIZE_MAX, document, err);
	if (r == 0)
		r = signatures_parse(document->signature, document->signature_size, &signatures,
				     err);
	if (r == 0)
		r = signatures_verify(&signatures, keys, SIGN_ROLE_CHANNEL, document->text,
				      document->size, "the channel", NULL, err);
	if (r == 0)
		r = channel_parse(document->text, document->size, &out->channel, err);
	if (r == 0)
		r = check_name(out, err);
	if (r == 0)
		return 0;
	free_document(document);
	return error_wrap(err, r, "%s/%s", folder, name);
}

void shelf_free_channel(struct shelf_channel *c)
{
	for (size_t i = 0; i < c->channel.count; i++)
		free(c->releases[i].notes);
	free_document(&c->document);
	c->channel.count = 0;
}

/* ---- releases ---- */

/* The channel's word against the bundle's own. */
static int check_entry(const struct channel_release *entry, int fd, const struct bundle_head *head,
		       struct error *err)
{
	const struct manifest *manifest = &head->manifest;
	uint8_t sha256[HASH_SIZE];
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_errno(err, "cannot look at it");
	if (hash_bytes(head->manifest_text, head->manifest_size, sha256) < 0)
		return error_set(err, -EIO, "OpenSSL could not hash the manifest");
	if ((uint64_t)status.st_size != entry->bundle_size ||
	    memcmp(sha256, entry->manifest_sha256, HASH_SIZE) != 0 ||
	    strcmp(manifest->version, entry->version) != 0 ||
	    strcmp(manifest->min_version, entry->min_version) != 0 ||
	    manifest->epoch != entry->epoch)
		return error_set(err, -EBADMSG,
				 "this is not the bundle that the channel was made of, under the "
				 "name of Proa %s; make the channel anew: proa-image channel",
				 entry->version);
	return 0;
}

static int check_release(const struct channel_release *entry, const struct keyring *keys,
			 struct shelf_release *release, struct error *err)
{
	_cleanup_fd_ int fd = open(release->path, O_RDONLY | O_CLOEXEC);
	_cleanup_bundle_ struct bundle *bundle = NULL;
	int r;

	if (fd < 0)
		return error_errno(err, "cannot open it");
	r = bundle_check(fd, keys, &bundle, err);
	if (r == 0)
		r = check_entry(entry, fd, bundle_head(bundle), err);
	if (r < 0)
		return r;
	release->manifest = bundle_head(bundle)->manifest;
	release->signer = bundle_head(bundle)->signer;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, "cannot read it again");
	return put_hash(fd, entry->file, release->sha256, err);
}

/* What else lies in the folder keeps its name. */
static int check_file_name(const char *name, struct error *err)
{
	static const char suffix[] = ".bundle";
	size_t length = strlen(name);

	if (length >= sizeof(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0)
		return 0;
	return error_set(err, -EINVAL,
			 "the bundle %s must be called NAME.bundle to be published; rename it, and "
			 "make the channel anew",
			 name);
}

/* The first folder that has the file; its path is in `path`, which is empty where none has it. */
static int find(const char *const folders[], size_t folder_count, const char *name,
		char path[PATH_MAX], struct error *err)
{
	for (size_t i = 0; i < folder_count; i++) {
		int r = join(path, folders[i], name, "", err);

		if (r < 0 || access(path, F_OK) == 0)
			return r;
	}
	path[0] = '\0';
	return 0;
}

static int read_notes(const char *const folders[], size_t folder_count, const char *bundle,
		      struct shelf_release *release, struct error *err)
{
	int stem = (int)(strrchr(bundle, '.') - bundle);
	char path[PATH_MAX];
	int r;

	snprintf(release->notes_name, sizeof(release->notes_name), "%.*s.txt", stem, bundle);
	r = find(folders, folder_count, release->notes_name, path, err);
	if (r < 0 || path[0] == '\0')
		return r;
	return io_read_file(path, SHELF_NOTES_SIZE_MAX, &release->notes, &release->notes_size, err);
}

int shelf_read_releases(const char *const folders[], size_t folder_count,
			const struct keyring *keys, struct shelf_channel *c, struct error *err)
{
	for (size_t i = 0; i < c->channel.count; i++) {
		const struct channel_release *entry = &c->channel.releases[i];
		struct shelf_release *release = &c->releases[i];
		int r = check_file_name(entry->file, err);

		if (r == 0)
			r = find(folders, folder_count, entry->file, release->path, err);
		if (r == 0 && release->path[0] == '\0')
			r = error_set(err, -ENOENT,
				      "the channel has Proa %s, and its bundle %s is not in %s",
				      entry->version, entry->file, folders[0]);
		if (r < 0)
			return r;
		r = check_release(entry, keys, release, err);
		if (r < 0)
			return error_wrap(err, r, "%s", release->path);
		r = read_notes(folders, folder_count, entry->file, release, err);
		if (r < 0)
			return r;
	}
	return 0;
}
