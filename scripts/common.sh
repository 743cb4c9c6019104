# What the scripts here share. Sourced, by sh, with the top of the tree as working folder.

# Progress: a line per step, with the seconds since the first script began.
PROGRESS_START=${PROGRESS_START:-$(date +%s)}
export PROGRESS_START
step_name=
step_start=0

say()
{
	printf '[%4d s] %s\n' $(($(date +%s) - PROGRESS_START)) "$*"
}

step()
{
	step_name=$1
	step_start=$(date +%s)
	say "$step_name ..."
}

done_step()
{
	say "$step_name: done in $(($(date +%s) - step_start)) s"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root()
{
	[ "$(id -u)" = 0 ] || die "run this as root: it installs packages and builds root file systems"
}

# Runs a command with its output in a log; prints the log's end where it fails.
logged()
{
	logged_to=$1
	shift
	mkdir -p "$(dirname "$logged_to")"
	if ! "$@" > "$logged_to" 2>&1 < /dev/null; then
		tail -n 40 "$logged_to" >&2
		die "$step_name failed: '$*'; the whole log is $logged_to"
	fi
}

# One hash over files (and over what lies in folders): names and contents.
hash_of()
{
	find "$@" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
		sha256sum | cut -d ' ' -f 1
}
