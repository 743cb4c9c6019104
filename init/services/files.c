#include "init/services/files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/cleanup.h"
#include "lib/config/types.h"
#include "lib/config/values.h"
#include "lib/folder.h"
#include "lib/io.h"

struct bytes {
	char *data;
	size_t size;
};

static void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
}

#define _cleanup_bytes_ _cleanup_(bytes_free)

/* One entry of the list. */
struct file {
	const char *path, *name; /* the path's last part */
	int folder;              /* of the path; -1: not open */
	struct bytes content;
	mode_t mode;
	uid_t user;
	gid_t group;
	bool append;
};

static const char *text_of(const struct config_node *item, const char *key, const char *otherwise)
{
	const struct config_node *child = config_child(item, key);

	return child && child->text ? child->text : otherwise;
}

/* Line breaks within are fine: long ones are written so. */
static int decode_base64(struct bytes *bytes, struct error *err)
{
	EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
	unsigned char *out = malloc(bytes->size / 4 * 3 + 4);
	int size = 0, rest = 0;
	bool good;

	if (!context || !out) {
		EVP_ENCODE_CTX_free(context);
		free(out);
		return error_oom(err);
	}
	EVP_DecodeInit(context);
	good = EVP_DecodeUpdate(context, out, &size, (const unsigned char *)bytes->data,
				(int)bytes->size) >= 0 &&
	       EVP_DecodeFinal(context, out + size, &rest) == 1;
	EVP_ENCODE_CTX_free(context);
	free(bytes->data);
	*bytes = (struct bytes){(char *)out, (size_t)(size + rest)};
	return good ? 0 : error_set(err, -EINVAL, "its content is no base64");
}

static int inflate_all(z_stream *stream, struct bytes *out, struct error *err)
{
	int r = Z_OK;

	while (r == Z_OK) {
		char *bigger;
		size_t room = out->size ? out->size : 64 << 10;

		if (out->size + room > FILES_CONTENT_MAX)
			return error_set(err, -EFBIG, "its content is larger than %d MiB",
					 FILES_CONTENT_MAX >> 20);
		bigger = realloc(out->data, out->size + room);
		if (!bigger)
			return error_oom(err);
		out->data = bigger;
		stream->next_out = (unsigned char *)bigger + out->size;
		stream->avail_out = (uInt)room;
		r = inflate(stream, Z_NO_FLUSH);
		out->size += room - stream->avail_out;
	}
	return r == Z_STREAM_END ? 0 : error_set(err, -EINVAL, "its content is no gzip");
}

static int decode_gzip(struct bytes *bytes, struct error *err)
{
	_cleanup_bytes_ struct bytes packed = *bytes;
	z_stream stream = {.next_in = (unsigned char *)packed.data, .avail_in = (uInt)packed.size};
	int r;

	*bytes = (struct bytes){0};
	/* 16: with a gzip header, and no other (zlib.h, inflateInit2). */
	if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
		return error_oom(err);
	r = inflate_all(&stream, bytes, err);
	inflateEnd(&stream);
	return r;
}

/* gz and gzip without base64 do not fit into YAML's text, and are taken for both. */
static int read_content(const struct config_node *item, struct bytes *content, struct error *err)
{
	const char *encoding = text_of(item, "encoding", "text/plain");
	bool gzip = strncmp(encoding, "gz", 2) == 0;
	int r;

	content->data = strdup(text_of(item, "content", ""));
	if (!content->data)
		return error_oom(err);
	content->size = strlen(content->data);
	if (strcmp(encoding, "text/plain") == 0)
		return 0;
	r = decode_base64(content, err);
	return r == 0 && gzip ? decode_gzip(content, err) : r;
}

/* A name or a number. */
static int read_owner(const char *owner, struct file *file, struct error *err)
{
	_cleanup_free_ char *user = strdup(owner);
	const struct passwd *passwd;
	long long number;
	char *group;

	if (!user)
		return error_oom(err);
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	if (config_read_integer(user, &number)) {
		file->user = file->group = (uid_t)number;
	} else {
		passwd = getpwnam(user);
		if (!passwd)
			return error_set(err, -EINVAL, "there is no user %s on this system", user);
		file->user = passwd->pw_uid;
		file->group = passwd->pw_gid;
	}
	if (!group)
		return 0;
	if (config_read_integer(group, &number)) {
		file->group = (gid_t)number;
	} else {
		const struct group *found = getgrnam(group);

		if (!found)
			return error_set(err, -EINVAL, "there is no group %s on this system",
					 group);
		file->group = found->gr_gid;
	}
	return 0;
}

static int read_item(const struct config_node *item, struct file *file, struct error *err)
{
	bool append = false;
	int r = read_content(item, &file->content, err);

	file->path = text_of(item, "path", "");
	file->mode = (mode_t)strtoul(text_of(item, "permissions", "0644"), NULL, 8);
	(void)config_read_bool(text_of(item, "append", "false"), &append);
	file->append = append;
	return r < 0 ? r : read_owner(text_of(item, "owner", "root:root"), file, err);
}

/* Made where it is missing. All that follows goes by it: the path may soon lead elsewhere. */
static int open_folder(struct file *file, struct error *err)
{
	const char *slash = strrchr(file->path, '/');
	_cleanup_free_ char *folder = strndup(file->path, (size_t)(slash - file->path));

	if (!folder)
		return error_oom(err);
	file->name = slash + 1;
	file->folder = folder_open(folder, err);
	return file->folder < 0 ? file->folder : 0;
}

/* Puts what is there before what is to be added. True: it has that already. */
static int join(struct file *file, const struct bytes *before, struct error *err)
{
	struct bytes *content = &file->content;
	char *joined;

	if (memmem(before->data, before->size, content->data, content->size))
		return 1;
	joined = malloc(before->size + content->size);
	if (!joined)
		return error_oom(err);
	memcpy(joined, before->data, before->size);
	memcpy(joined + before->size, content->data, content->size);
	free(content->data);
	*content = (struct bytes){joined, before->size + content->size};
	return 0;
}

static bool is_as_wanted(const struct file *file, const struct bytes *before)
{
	struct stat status;

	return before->size == file->content.size &&
	       memcmp(before->data, file->content.data, before->size) == 0 &&
	       fstatat(file->folder, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (status.st_mode & 07777) == file->mode && status.st_uid == file->user &&
	       status.st_gid == file->group;
}

static int write_whole(const struct file *file, struct error *err)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.proa-new", file->name) < 0) {
		temporary = NULL;
		return error_oom(err);
	}
	(void)unlinkat(file->folder, temporary, 0);
	fd = openat(file->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return error_errno(err, "cannot create it");
	r = io_write_full(fd, file->content.data, file->content.size);
	errno = -r;
	/* The owner first: changing it takes away bits of the permissions. */
	if (r < 0 || fchown(fd, file->user, file->group) < 0 || fchmod(fd, file->mode) < 0 ||
	    fsync(fd) < 0 || renameat(file->folder, temporary, file->folder, file->name) < 0) {
		r = error_errno(err, "cannot write it");
		unlinkat(file->folder, temporary, 0);
		return r;
	}
	return fsync(file->folder) < 0 ? error_errno(err, "cannot sync its folder") : 0;
}

/* Whoever may write in its folder can put a pipe there, or a link to a file of root's. */
static int read_before(const struct file *file, struct bytes *out, struct error *err)
{
	_cleanup_fd_ int fd = io_open_regular(file->folder, file->name, O_RDONLY, 0);

	if (fd == -EINVAL || fd == -ELOOP)
		return error_set(err, fd, "it is no plain file");
	if (fd < 0)
		return error_set(err, fd, "cannot open it: %s", strerror(-fd));
	return io_read_fd(fd, file->path, FILES_CONTENT_MAX, &out->data, &out->size, err);
}

static int write_file(struct file *file, struct error *err)
{
	_cleanup_bytes_ struct bytes before = {0};
	int r = open_folder(file, err);

	if (r < 0)
		return r;
	r = read_before(file, &before, err);
	if (r < 0 && r != -ENOENT && file->append)
		return r;
	if (r == 0 && file->append) {
		r = join(file, &before, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (before.data && is_as_wanted(file, &before))
		return 0;
	return write_whole(file, err);
}

int files_write(struct config *config)
{
	const struct config_node *list = config_get(config, "write_files");
	int r = 0;

	for (size_t i = 0; list && i < list->count && r == 0; i++) {
		const struct config_node *item = &list->children[i];
		struct error err = ERROR_INIT;
		struct file file = {.folder = -1};

		r = read_item(item, &file, &err);
		if (r == 0)
			r = write_file(&file, &err);
		bytes_free(&file.content);
		cleanup_fd(&file.folder);
		if (r == 0 || r == -ENOMEM)
			continue;
		r = config_problem(&config->problems, CONFIG_ERROR, &item->at, "write_files",
				   "%s: %s%s", file.path, err.message,
				   r == -EROFS ? " (/var, /home, /opt, /srv and /root can be "
						 "written to)"
					       : "");
	}
	return r;
}
