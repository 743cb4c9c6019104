#include "installer/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "installer/child.h"
#include "lib/cleanup.h"
#include "lib/io.h"

/* In the partition that becomes /var (docs/internals.md "Run time"). */
static const char *const folders[] = {"lib", "lib/proa", "lib/proa/conf"};
enum { FOLDERS = sizeof(folders) / sizeof(folders[0]) };
static const char config_name[] = "lib/proa/conf/cloud-config.yml";

enum { STATE_BLOCK = 4096 };

/* Named one by one: a disk is the same whichever e2fsprogs made it. */
static const char features[] =
	"none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,"
	"sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum";

static const char *staging_parent(void)
{
	const char *parent = getenv("TMPDIR");

	return parent ? parent : "/tmp";
}

int state_check_tools(struct error *err)
{
	int r = child_look_for("mke2fs", "e2fsprogs", err);

	if (r == 0 && access(staging_parent(), W_OK | X_OK) < 0)
		r = error_errno(err, "cannot write to the folder %s (TMPDIR)", staging_parent());
	/* debugfs is for plain users alone: see own_by_root. */
	return r < 0 || geteuid() == 0 ? r : child_look_for("debugfs", "e2fsprogs", err);
}

/* A folder whose content mke2fs copies into the file system. */
static int stage(char *tree, size_t size, const char *config, size_t config_size, struct error *err)
{
	char path[PATH_MAX];

	snprintf(tree, size, "%s/proa-state-XXXXXX", staging_parent());
	if (!mkdtemp(tree)) {
		int r = error_errno(err, "cannot make a folder in %s", staging_parent());

		tree[0] = '\0';
		return r;
	}
	chmod(tree, 0755);
	for (size_t i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%s", tree, folders[i]);
		if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0)
			return error_errno(err, "cannot make %s", path);
	}
	if (!config)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", tree, config_name);
	return io_replace_file(path, config, config_size, 0600, err);
}

static void unstage(const char *tree)
{
	char path[PATH_MAX];

	if (!tree[0])
		return;
	snprintf(path, sizeof(path), "%s/%s", tree, config_name);
	unlink(path);
	for (size_t i = FOLDERS; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", tree, folders[i]);
		rmdir(path);
	}
	rmdir(tree);
}

static int make(const char *path, const struct plan_partition *state, const char *tree,
		struct error *err)
{
	char extended[128], blocks[32];
	char *const argv[] = {
		(char *)"mke2fs",
		(char *)"-q",
		/* Twice: we ourselves hold the device, and it is no partition. */
		(char *)"-F",
		(char *)"-F",
		(char *)"-t",
		(char *)"ext4",
		(char *)"-b",
		(char *)"4096",
		(char *)"-I",
		(char *)"256",
		(char *)"-m",
		(char *)"1",
		(char *)"-L",
		(char *)state->label,
		(char *)"-O",
		(char *)features,
		(char *)"-E",
		extended,
		(char *)"-d",
		(char *)tree,
		(char *)path,
		blocks,
		NULL,
	};

	/*
	 * A journal left unwritten is safe: metadata_csum ties its blocks to this
	 * file system's UUID, so an older journal's are never replayed. No discard:
	 * it is counted from the start of the device by some versions of mke2fs.
	 */
	snprintf(extended, sizeof(extended),
		 "offset=%llu,lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
		 (unsigned long long)state->offset);
	snprintf(blocks, sizeof(blocks), "%llu", (unsigned long long)(state->size / STATE_BLOCK));
	return child_run(argv, NULL, err);
}

/*
 * debugfs ends with 0 whatever became of a request. Where all went well, it tells
 * its version alone: "debugfs 1.47.0 (5-Feb-2023)".
 */
static int run_debugfs(char *request, char *target, struct error *err)
{
	char *const argv[] = {(char *)"debugfs", (char *)"-w", (char *)"-R", request, target, NULL};
	char said[CHILD_SAID_SIZE];
	const char *version_end;
	int r = child_run(argv, said, err);

	if (r < 0)
		return r;
	version_end = strchr(said, ')');
	if (said[0] && (!version_end || version_end[1]))
		return error_set(err, -EIO, "debugfs failed: %s", said);
	return 0;
}

/* mke2fs -d copies the owner, too: a plain user's files must become root's. */
static int own_by_root(const char *path, const struct plan_partition *state, bool config,
		       struct error *err)
{
	static const char *const fields[] = {"uid", "gid"};
	char request[128], target[PATH_MAX + 32];

	snprintf(target, sizeof(target), "%s?offset=%llu", path, (unsigned long long)state->offset);
	for (size_t i = 0; i < FOLDERS + (config ? 1 : 0); i++) {
		const char *name = i < FOLDERS ? folders[i] : config_name;

		for (size_t f = 0; f < 2; f++) {
			int r;

			snprintf(request, sizeof(request), "set_inode_field /%s %s 0", name,
				 fields[f]);
			r = run_debugfs(request, target, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/*
 * The cloud-config may hold secrets: who ends us here ends mke2fs, and us when the folder
 * is gone.
 */
static void hold_signals(sigset_t *before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, before);
}

int state_write(const char *path, const struct plan *plan, const char *config, size_t config_size,
		struct error *err)
{
	const struct plan_partition *state = plan_partition(plan, LAYOUT_STATE);
	char tree[PATH_MAX - 64] = "";
	sigset_t before;
	int r;

	hold_signals(&before);
	r = stage(tree, sizeof(tree), config, config_size, err);
	if (r == 0)
		r = make(path, state, tree, err);
	unstage(tree);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r == 0 && geteuid() != 0)
		r = own_by_root(path, state, config != NULL, err);
	return r < 0 ? error_wrap(err, r, "cannot make the state partition") : 0;
}
