# Debian's archives, as this machine's apt is set up with them. Sourced by the
# chroot makers and the image recipe; has no effect of its own.

# archive_mirror main|security: prints the address of that archive.
# PROA_MIRROR and PROA_MIRROR_SECURITY overrule what apt says.
archive_mirror()
{
	case $1 in
	main) override=${PROA_MIRROR:-} label=Debian path='/debian/?$' ;;
	security) override=${PROA_MIRROR_SECURITY:-} label=Debian-Security path='/debian-security/?$' ;;
	esac
	if [ -n "$override" ]; then
		echo "$override"
		return
	fi
	# The label is known after an `apt-get update`; before it, the address has to tell.
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' |
		awk -F'|' -v label="$label" -v path="$path" '
			$1 == "Debian" && $2 == label { print $3; found = 1; exit }
			$3 ~ path && guess == "" { guess = $3 }
			END { if (!found && guess != "") { print guess; found = 1 }; exit !found }' && return
	echo "apt knows no mirror of the $1 Debian archive; name one in /etc/apt/sources.list.d," \
		"run apt-get update, or set PROA_MIRROR and PROA_MIRROR_SECURITY" >&2
	return 1
}

# archive_keyring: prints the file with the keys that sign Debian's archives.
archive_keyring()
{
	for keyring in /usr/share/keyrings/debian-archive-keyring.pgp \
		/usr/share/keyrings/debian-archive-keyring.gpg; do
		if [ -r "$keyring" ]; then
			echo "$keyring"
			return
		fi
	done
	echo "no keyring of Debian's archives here; install debian-archive-keyring" >&2
	return 1
}

# archive_sources stable|testing: prints the apt source lines of that release.
#
# Testing's Release file may have expired on a mirror that is not refreshed
# daily; its date alone is not held against it, and its signature still counts.
archive_sources()
{
	keyring=$(archive_keyring) && main=$(archive_mirror main) || return 1
	case $1 in
	stable)
		security=$(archive_mirror security) || return 1
		echo "deb [signed-by=$keyring] $main trixie main"
		echo "deb [signed-by=$keyring] $main trixie-updates main"
		echo "deb [signed-by=$keyring] $security trixie-security main"
		;;
	testing)
		echo "deb [signed-by=$keyring check-valid-until=no] $main forky main"
		;;
	esac
}
