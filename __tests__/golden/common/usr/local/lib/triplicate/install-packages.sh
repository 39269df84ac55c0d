#!/bin/sh
# Installs the Debian packages that are listed in a file, one per line, in one transaction. Does nothing if all of them are
# installed, so that a reboot needs no package mirror. A mirror that does not answer is tried again.
set -eu

list=$1
attempts=10
pause_seconds=15

missing=""
while read -r package; do
	status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done <"$list"
[ -n "$missing" ] || exit 0

export DEBIAN_FRONTEND=noninteractive
attempt=1
# $missing holds package names, which have no spaces: it must split into words
# shellcheck disable=SC2086
until apt-get -qq update && apt-get -qq install --yes --no-install-recommends $missing; do
	if [ "$attempt" -ge "$attempts" ]; then
		echo "packages: gave up after $attempts attempts:$missing"
		exit 1
	fi
	echo "packages: attempt $attempt failed, trying again in $pause_seconds s"
	attempt=$((attempt + 1))
	sleep "$pause_seconds"
done
echo "packages: installed$missing"
