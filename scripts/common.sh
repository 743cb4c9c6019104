# What the scripts here share. Sourced from the top of the tree, by sh.

# Progress: one line per step, with the time that it took.
#   [ 12 s] image: 41 s
progress_start=${PROGRESS_START:-$(date +%s)}
export PROGRESS_START="$progress_start"
step_name=
step_start=0

step()
{
	step_name=$1
	step_start=$(date +%s)
	printf '[%4d s] %s ...\n' $((step_start - progress_start)) "$step_name"
}

done_step()
{
	printf '[%4d s] %s: done in %d s\n' $(($(date +%s) - progress_start)) "$step_name" \
		$(($(date +%s) - step_start))
}

say()
{
	printf '[%4d s] %s\n' $(($(date +%s) - progress_start)) "$*"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root()
{
	[ "$(id -u)" = 0 ] || die "run this as root (it installs packages and builds root file systems)"
}

# Runs a command with its output in a log; prints the log's end where it fails.
logged()
{
	log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" > "$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "$step_name failed: '$*'; the whole log is $log"
	fi
}

# One hash over files (and over what lies in folders): names and contents.
hash_of()
{
	find "$@" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
		sha256sum | cut -d ' ' -f 1
}

# The mirror of `debian` or `debian-security` that this machine's apt uses.
mirror()
{
	uri=$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 "/$1/\$") ||
		die "apt has no mirror whose address ends in /$1/: add one to its sources"
	echo "$uri"
}
