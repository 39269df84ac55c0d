#!/usr/bin/env bash
# Builds what a virtual machine boots, like a stock Debian 13 image at Hetzner, and prints the directory that holds it:
# base.raw (ext4, label root), vmlinuz, initrd.img and mirrors. It is kept in the user's cache: a second call returns at once.
#
#   image.sh [plain|hc-utils|prepared]
#
# hc-utils: private NICs are configured by units that stand in for Hetzner's package of that name; plain: by nobody.
# prepared: plain, with what a database host would install at its first boot, which then takes half the time.
#
# Exit codes: 0 there it is, 1 the build failed, 2 wrong call; this machine can't: 3 not root, 4 a program is missing and apt cannot
# install it, 5 apt knows no mirror that has Debian 13, 6 no network namespaces or no taps, 7 not an amd64 machine.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
variant=${1-plain}
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages=systemd-sysv,systemd-resolved,systemd-timesyncd,dbus,udev,linux-image-cloud-amd64,initramfs-tools,zstd
packages=$packages,cloud-init,cloud-guest-utils,dhcpcd-base,openssh-server,nftables,iproute2,python3,ca-certificates,curl
packages=$packages,e2fsprogs,kmod,procps,iputils-ping,sudo,less,xz-utils,apt,gpgv,qemu-guest-agent
prepared=(wireguard-tools cryptsetup-bin mdadm unattended-upgrades)
host_packages=(qemu-system-x86 mmdebstrap debian-archive-keyring nftables iproute2 e2fsprogs tcpdump ipxe-qemu seabios python3)
host_programs=(qemu-system-x86_64 mmdebstrap nft ip mke2fs tcpdump python3 setpriv nsenter)

say() {
	echo "vm image: $*" >&2
}

refuse() {
	say "$2"
	exit "$1"
}

case $variant in
plain | hc-utils | prepared) ;;
*) refuse 2 "the variants are plain, hc-utils and prepared, not '$variant'" ;;
esac
[ "$(id -u)" -eq 0 ] || refuse 3 "only root can build it and run machines"
[ "$(uname -m)" = x86_64 ] || refuse 7 "the machines are amd64, this one is $(uname -m)"

cache=$HOME/.cache/triplicate
mkdir -p "$cache"
exec 9>"$cache/vm.lock"
flock 9

if ! type "${host_programs[@]}" >/dev/null 2>&1 || [ ! -e "$keyring" ]; then
	say "installing what is missing here"
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${host_packages[@]}"; } >&2 ||
		refuse 4 "QEMU or another program is missing, and apt cannot install it"
fi
unshare --net ip tuntap add probe mode tap 2>/dev/null || refuse 6 "root may not make network namespaces or taps on this machine"

inputs=$(cat "${BASH_SOURCE[0]}" "$here"/../mirrors.sh "$here"/hc-utils/* "$here"/image-hooks/* | sha256sum | cut -c 1-12)
built=$cache/vm-$inputs
if [ -d "$built" ]; then
	echo "$built/$variant"
	exit
fi

mirrors=$("$here/../mirrors.sh") || refuse 5 "this machine's apt knows no mirror that has Debian 13"
mapfile -t sources < <("$here/../mirrors.sh" --sources "$keyring")

partial=$(mktemp -d "$cache/.vm.XXXXXX")
trap 'rm -rf --one-file-system "$partial"' EXIT
root=$partial/root

# A disk image of the tree: without a partition table, smaller than the disk so that cloud-init has something to grow.
disk() {
	mkdir "$partial/$1"
	truncate -s 2G "$partial/$1/base.raw"
	mke2fs -q -t ext4 -b 4096 -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$root" "$partial/$1/base.raw"
	ln "$partial/vmlinuz" "$partial/initrd.img" "$partial/$1/"
	echo "$mirrors" >"$partial/$1/mirrors"
}

hc_utils() {
	install -m 0644 "$here/hc-utils/90-hc-net.rules" "$root/etc/udev/rules.d/"
	install -m 0644 "$here"/hc-utils/*.service "$root/etc/systemd/system/"
	chroot "$root" systemctl --quiet enable hc-net-scan.service
}

# From the mirrors that the image itself was built from; machines know none of them.
install_prepared() {
	local apt=(chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dir::Etc::SourceList=/run/sources.list)
	mkdir -p "$root/run/systemd/resolve"
	cp -L /etc/resolv.conf "$root/run/systemd/resolve/stub-resolv.conf"
	printf '%s\n' "${sources[@]}" >"$root/run/sources.list"
	mount --bind /proc "$root/proc"
	if ! "${apt[@]}" update || ! "${apt[@]}" install --yes --no-install-recommends "${prepared[@]}"; then
		refuse 1 "apt cannot install what is prepared"
	fi
	umount "$root/proc"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "${root:?}"/run/*
}

say "building it, which takes about three minutes"
mmdebstrap --quiet --mode=root --variant=minbase --components=main --include="$packages" \
	--aptopt='APT::Install-Recommends "false"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--essential-hook="$here/image-hooks/essential.sh" --customize-hook="$here/image-hooks/customize.sh" \
	"$suite" "$root" "${sources[@]}" >&2 || refuse 1 "mmdebstrap failed"
chmod 0755 "$root"
cp -L "$root"/boot/vmlinuz-* "$partial/vmlinuz"
cp -L "$root"/boot/initrd.img-* "$partial/initrd.img"
disk plain
cp -a --reflink=auto "$root" "$partial/with-hc-utils"
install_prepared >&2
disk prepared
rm -rf --one-file-system "$root"
mv "$partial/with-hc-utils" "$root"
hc_utils
disk hc-utils
rm -rf --one-file-system "$root"
chmod 0755 "$partial"
mv -T "$partial" "$built"
# a younger one may be in use by a lab that runs
find "$cache" -maxdepth 1 -name 'vm-*' -type d ! -path "$built" -mmin +1440 -exec rm -rf --one-file-system {} +
say "built in $SECONDS s, $(du -sm "$built" | cut -f 1) MB"
echo "$built/$variant"
