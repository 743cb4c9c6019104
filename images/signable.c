#include "images/signable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/signer.h"
#include "lib/cleanup.h"
#include "lib/format/bundle.h"
#include "lib/format/channel.h"
#include "lib/format/root.h"
#include "lib/io.h"

int signable_is_bundle(int fd)
{
	/* A tar starts with its first member's name; ours is "manifest", a NUL behind it. */
	static const char first[] = "manifest";
	char name[sizeof(first)];

	return io_pread_full(fd, name, sizeof(name), 0) == 0 &&
	       memcmp(name, first, sizeof(name)) == 0;
}

static int open_bundle(int fd, struct signable *out, struct error *err)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const struct bundle_head *head;
	int r = bundle_open(fd, NULL, &bundle, err);

	if (r < 0)
		return r;
	head = bundle_head(bundle);
	out->is_bundle = true;
	out->role = SIGN_ROLE_RELEASE;
	out->size = head->manifest_size;
	memcpy(out->text, head->manifest_text, head->manifest_size);
	return signatures_parse(head->signature_text, head->signature_size, &out->signatures, err);
}

/* A document must be what its first line says, or signing it would vouch for nonsense. */
static int open_document(int fd, struct signable *out, struct error *err)
{
	_cleanup_free_ char *text = NULL, *signature = NULL, *path = NULL;
	size_t size = 0, signature_size = 0;
	struct manifest manifest;
	struct channel channel;
	struct root root;
	int r = io_read_fd(fd, out->path, MANIFEST_SIZE_MAX, &text, &size, err);

	if (r < 0)
		return r;
	if (strncmp(text, "proa-root ", strlen("proa-root ")) == 0) {
		out->role = SIGN_ROLE_ROOT;
		r = root_parse(text, size, &root, err);
	} else if (strncmp(text, "proa-manifest ", strlen("proa-manifest ")) == 0) {
		out->role = SIGN_ROLE_RELEASE;
		r = manifest_parse(text, size, &manifest, err);
	} else if (strncmp(text, "proa-channel ", strlen("proa-channel ")) == 0) {
		out->role = SIGN_ROLE_CHANNEL;
		r = channel_parse(text, size, &channel, err);
	} else {
		r = error_set(err, -EINVAL, "this is no bundle, manifest, channel or root document");
	}
	if (r < 0)
		return r;
	memcpy(out->text, text, size);
	out->size = size;
	if (asprintf(&path, "%s.sig", out->path) < 0) {
		path = NULL;
		return error_oom(err);
	}
	if (access(path, F_OK) < 0)
		return 0;
	r = io_read_file(path, SIGNATURES_SIZE_MAX, &signature, &signature_size, err);
	return r < 0 ? r : signatures_parse(signature, signature_size, &out->signatures, err);
}

int signable_open(const char *path, struct signable *out, struct error *err)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	*out = (struct signable){.path = path};
	r = signable_is_bundle(fd) ? open_bundle(fd, out, err) : open_document(fd, out, err);
	return r < 0 ? error_wrap(err, r, "%s", path) : 0;
}

static int rewrite_bundle(const struct signable *s, int from, int to, struct error *err)
{
	_cleanup_bundle_ struct bundle *bundle = NULL;
	const struct bundle_head *head;
	int r = bundle_open(from, NULL, &bundle, err);

	if (r < 0)
		return r;
	head = bundle_head(bundle);
	if (lseek(from, (off_t)bundle_data_offset(bundle), SEEK_SET) < 0)
		return error_errno(err, "cannot read %s again", s->path);
	r = bundle_write(to, &head->manifest, head->manifest_text, head->manifest_size,
			 &s->signatures, head->index.bytes, head->index.size, from, err);
	if (r == 0 && fsync(to) < 0)
		r = error_errno(err, "cannot write the new %s", s->path);
	return r;
}

static int save_bundle(const struct signable *s, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int from = open(s->path, O_RDONLY | O_CLOEXEC), to = -1;
	int r;

	if (from < 0)
		return error_errno(err, "cannot open %s", s->path);
	if (asprintf(&path, "%s.new", s->path) < 0) {
		path = NULL;
		return error_oom(err);
	}
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (to < 0)
		return error_errno(err, "cannot create %s", path);
	r = rewrite_bundle(s, from, to, err);
	if (r == 0 && rename(path, s->path) < 0)
		r = error_errno(err, "cannot rename %s", path);
	if (r < 0)
		unlink(path);
	return r;
}

int signable_save(const struct signable *s, struct error *err)
{
	return s->is_bundle ? save_bundle(s, err)
			    : signer_save_signatures(s->path, &s->signatures, err);
}
