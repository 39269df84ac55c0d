#!/usr/bin/env bash
# Builds a Debian 13 root file system with the programs that read the files of our hosts, and prints its path.
# It is kept in the user's cache: a second call returns at once. The mirror is the one that this machine's own apt uses.
#
# Exit codes: 0 there it is, 1 the build failed; this machine can't: 3 not root, 4 no mmdebstrap, 5 apt knows no mirror that has
# Debian 13, 6 no namespaces.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages=systemd,systemd-timesyncd,udev,cloud-init,python3,python3-yaml,nftables,openssl,ca-certificates,mdadm,unattended-upgrades
packages=$packages,bash,dash,apt,iproute2,procps,kmod,passwd

say() {
	echo "debian root: $*" >&2
}

refuse() {
	say "$2"
	exit "$1"
}

[ "$(id -u)" -eq 0 ] || refuse 3 "only root can build and enter it"

# what machine.sh needs to run a copy of it
unshare --mount --pid --net --uts --ipc --fork true 2>/dev/null || refuse 6 "root may not make namespaces on this machine"

cache=$HOME/.cache/triplicate
inputs=$({ cat "${BASH_SOURCE[0]}" "$here"/../mirrors.sh && uname -m; } | sha256sum | cut -c 1-12)
root=$cache/debian-13-$inputs
mkdir -p "$cache"
exec 9>"$cache/debian-13.lock"
flock 9
if [ -d "$root" ]; then
	echo "$root"
	exit
fi

if ! command -v mmdebstrap >/dev/null || [ ! -e "$keyring" ]; then
	say "installing mmdebstrap"
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends mmdebstrap debian-archive-keyring; } >&2 ||
		refuse 4 "there is no mmdebstrap, and apt cannot install it"
fi
mapfile -t sources < <("$here/../mirrors.sh" --sources "$keyring")
[ "${#sources[@]}" -gt 0 ] || refuse 5 "this machine's apt knows no mirror that has Debian 13"

partial=$(mktemp -d "$cache/.debian-13.XXXXXX")
trap 'rm -rf --one-file-system "$partial"' EXIT
say "building it, which takes about a minute"
# shellcheck disable=SC2016 # mmdebstrap gives each hook the root's path as its $1
mmdebstrap --quiet --mode=root --variant=minbase --components=main --include="$packages" \
	--aptopt='APT::Install-Recommends "false"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf; : >"$1"/etc/machine-id' \
	"$suite" "$partial/root" "${sources[@]}" >&2 || refuse 1 "mmdebstrap failed"
chmod 0755 "$partial/root"
mv -T "$partial/root" "$root"
find "$cache" -maxdepth 1 -name 'debian-13-*' -type d ! -path "$root" -exec rm -rf --one-file-system {} +
say "built in $SECONDS s, $(du -sm "$root" | cut -f 1) MB"
echo "$root"
