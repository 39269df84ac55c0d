#!/usr/bin/env bash
# Prints the Debian mirrors that this machine's own apt uses, each as "PATH URI": debian, and debian-security if there is one.
# With --sources KEYRING: the lines of a sources.list for Debian 13 instead.
#
# Exit code 5 if none of them has Debian 13.
set -euo pipefail

suite=trixie

# Every URI of this machine's apt sources: deb822 files, and the one-line format with or without [options].
apt_uris() {
	local file
	for file in /etc/apt/sources.list.d/*.sources; do
		[ ! -e "$file" ] || sed -n 's/^URIs:[[:space:]]*//Ip' "$file" | tr -s '[:blank:]' '\n'
	done
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ ! -e "$file" ] || sed -nE 's/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' "$file"
	done
}

# The first of the URIs on standard input that has the distribution $1.
first_with() {
	local uri probe
	probe=$(mktemp)
	while read -r uri; do
		if /usr/lib/apt/apt-helper download-file "${uri%/}/dists/$1/InRelease" "$probe" >/dev/null 2>&1; then
			rm -f "$probe"
			echo "${uri%/}"
			return
		fi
	done
	rm -f "$probe"
	return 1
}

# A mirror as a line for each of its distributions.
sources() {
	local suites=("$suite" "$suite-updates") one
	[ "$1" = debian ] || suites=("$suite-security")
	for one in "${suites[@]}"; do
		echo "deb [signed-by=$keyring] $2 $one main"
	done
}

keyring=
[ "${1-}" != --sources ] || keyring=$2
show=${keyring:+sources}

main=$(apt_uris | awk '/\/debian\/?$/' | first_with "$suite") || exit 5
"${show:-echo}" debian "$main"
if security=$(apt_uris | awk '/security/' | first_with "$suite-security"); then
	"${show:-echo}" debian-security "$security"
fi
