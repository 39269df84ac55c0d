#!/bin/sh
# Installs the Debian packages that are listed in a file, one per line, in one transaction. Does nothing if all of them are
# installed, so that a reboot needs no package mirror. A mirror that does not answer is tried again.
set -eu

list=$1
attempts=40
pause_seconds=15

missing=""
while read -r package; do
	status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done <"$list"
[ -n "$missing" ] || exit 0

export DEBIAN_FRONTEND=noninteractive
# each package would have systemd read all units again, and start what it brings one by one: both are done once, at the end
export SYSTEMD_OFFLINE=1
# a lost connection is a matter of seconds, and our files are there before the packages that they belong to
options="-qq -o Acquire::Languages=none -o Acquire::http::Timeout=15 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold"
attempt=1
# $options and $missing hold words without spaces: they must split
# shellcheck disable=SC2086
until apt-get $options update && dpkg --configure --pending && apt-get $options install --yes --no-install-recommends --fix-broken $missing; do
	if [ "$attempt" -ge "$attempts" ]; then
		echo "packages: gave up after $attempts attempts:$missing"
		exit 1
	fi
	echo "packages: attempt $attempt failed, trying again in $pause_seconds s"
	attempt=$((attempt + 1))
	sleep "$pause_seconds"
done
unset SYSTEMD_OFFLINE
systemctl daemon-reload
systemctl start --no-block multi-user.target
echo "packages: installed$missing"
